import { Curve } from "./curve.js";
import type { PageMessage, Settings, WorkerMessage } from "./messages.js";

/** The bundled worker, put here when the page is built. */
declare const WORKER: string;

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const start = element<HTMLButtonElement>("start");
const stop = element<HTMLButtonElement>("stop");
const download = element<HTMLButtonElement>("download");
const status = element<HTMLOutputElement>("status");
const bar = element<HTMLProgressElement>("bar");
const text = element<HTMLTextAreaElement>("text");
const file = element<HTMLInputElement>("file");
const problem = element("problem");
const curve = new Curve(element("curve"));
const worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
const ask = (message: PageMessage): void => worker.postMessage(message);

/** A run that can go on, with the text and the settings that it began with. */
let run: { text: string; settings: Settings; checkpoint: Uint8Array } | undefined;
/** What is being trained. */
let current: { text: string; settings: Settings } | undefined;
let model: Uint8Array | undefined;
let speed = { since: 0, tokens: 0 };

function settings(): Settings {
  const number = (id: string): number => element<HTMLInputElement>(id).valueAsNumber;
  return { steps: number("steps"), hiddenSize: number("hidden"), rate: number("rate"), seed: 1 };
}

function show(isRunning: boolean): void {
  start.disabled = isRunning;
  stop.disabled = !isRunning;
  download.disabled = isRunning || model === undefined;
  start.textContent = run === undefined ? "Start" : "Resume";
  element("again").hidden = isRunning || run === undefined;
  for (const control of document.querySelectorAll<HTMLInputElement>(
    "#settings input, #text, #file",
  )) {
    control.disabled = isRunning || run !== undefined;
  }
}

function fail(message: string): void {
  problem.textContent = message;
  problem.hidden = false;
}

function begin(): void {
  if (!element<HTMLFormElement>("settings").reportValidity()) return;
  problem.hidden = true;
  const { checkpoint, ...wanted } = run ?? {
    text: text.value,
    settings: settings(),
    checkpoint: undefined,
  };
  if (wanted.text.length < 2000) {
    fail("The text is too short: it needs at least 2,000 characters.");
    return;
  }
  if (checkpoint === undefined) curve.clear();
  current = wanted;
  run = undefined;
  model = undefined;
  speed = { since: performance.now(), tokens: 0 };
  bar.max = wanted.settings.steps;
  status.textContent = "The network is being made …";
  ask({ kind: "start", ...wanted, checkpoint });
  show(true);
  stop.focus();
}

function end(message: Extract<WorkerMessage, { kind: "end" }>): void {
  const { isDone, step, checkpoint } = message;
  model = message.model;
  run = isDone || current === undefined ? undefined : { ...current, checkpoint };
  element("sample").textContent = message.sample;
  element("written").hidden = false;
  const size = `${Math.round(model.length / 1024).toLocaleString("en")} kB`;
  status.textContent = isDone
    ? `Done: ${step} steps. The model has ${size}.`
    : `Stopped after step ${step}. The model so far has ${size}.`;
  show(false);
  (isDone ? download : start).focus();
}

worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
  switch (data.kind) {
    case "begin":
      status.textContent = `${data.characters.toLocaleString("en")} characters, ${data.tokens} different ones`;
      break;
    case "step": {
      speed.tokens += data.tokens;
      const seconds = Math.max((performance.now() - speed.since) / 1000, 0.01);
      const rate = Math.round(speed.tokens / seconds).toLocaleString("en");
      curve.step(data.step, data.loss);
      bar.value = data.step;
      status.textContent = `Step ${data.step} of ${bar.max}, loss ${data.loss.toFixed(2)}, ${rate} characters a second`;
      break;
    }
    case "validation":
      curve.validation(data.loss);
      break;
    case "end":
      end(data);
      break;
    case "error":
      fail(data.message);
      status.textContent = "";
      show(false);
  }
};
worker.onerror = ({ message }) => fail(message);

start.addEventListener("click", begin);
stop.addEventListener("click", () => {
  stop.disabled = true;
  ask({ kind: "stop" });
});
element("again").addEventListener("click", () => {
  run = undefined;
  begin();
});
download.addEventListener("click", () => {
  if (model === undefined) return;
  const url = URL.createObjectURL(new Blob([model as Uint8Array<ArrayBuffer>]));
  const link = document.createElement("a");
  link.href = url;
  link.download = "model.safetensors";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
file.addEventListener("change", async () => {
  const [chosen] = file.files ?? [];
  if (chosen !== undefined) text.value = await chosen.text();
});
show(false);
