import type { WorkletMessage } from "./messages.js";
import { keepModel, keptModel, type Model, tryModel } from "./model.js";
import { draw, LEFT, RIGHT } from "./picture.js";
import { Recording } from "./recording.js";
import { Settings } from "./settings.js";
import { hearMicrophone, hearSamples, play, type Running, samplesOf } from "./sound.js";

/** Seconds of a live recording that are in view. */
const LIVE = 15;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const button = (id: string): HTMLButtonElement => element(id);

const canvas: HTMLCanvasElement = element("picture");
const settings = new Settings(element("settings"), segmentAgain);

let model: Model | undefined;
let recording = new Recording();
let microphone: Running | undefined;
let playing: Running | undefined;
let playhead: number | undefined;
let pointer: number | undefined;
/** Whether something is under way during which nothing else may begin. */
let busy = false;
let rows = 0;

/** The seconds in view: the last ones of a live recording, else all. */
function range(): readonly [number, number] {
  const { seconds } = recording;
  const isLive = microphone !== undefined || seconds === 0;
  return isLive ? [Math.max(seconds - LIVE, 0), Math.max(seconds, LIVE)] : [0, seconds];
}

let asked = false;

/** Draws once before the next frame, however often it is called. */
function show(): void {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const [from, to] = range();
    const { start, end } = settings.options;
    draw(canvas, recording, { from, to, thresholds: [end, start], playhead, pointer });
    showSegments();
  });
}

function showSegments(): void {
  const { segments } = recording;
  const body = element("segments");
  if (rows > segments.length) {
    body.replaceChildren();
    rows = 0;
  }
  for (; rows < segments.length; rows++) body.append(rowOf(rows));
  element("count").textContent = segments.length === 0 ? "" : String(segments.length);
  element("none").hidden = segments.length > 0;
  const isEmpty = recording.seconds === 0;
  element("empty").hidden = !isEmpty || microphone !== undefined;
  button("save").disabled = isEmpty || microphone !== undefined;
  button("play").disabled = isEmpty || microphone !== undefined || busy;
  // What is played while the microphone is on is heard once more.
  for (const each of body.querySelectorAll("button")) each.disabled = microphone !== undefined;
  const spoken = segments.reduce((sum, { start, end }) => sum + end - start, 0);
  const words = `${segments.length} segments, ${spoken.toFixed(1)} seconds of speech`;
  canvas.setAttribute("aria-label", `Waveform and probability of speech: ${words}`);
}

function rowOf(index: number): HTMLTableRowElement {
  const { start, end, probability } = recording.segments[index] as Recording["segments"][number];
  const row = document.createElement("tr");
  const listen = document.createElement("button");
  listen.className = "quiet";
  listen.textContent = "▶";
  listen.setAttribute("aria-label", `Play from ${start.toFixed(2)} s to ${end.toFixed(2)} s`);
  listen.onclick = () => playFrom(start, end);
  row.insertCell().append(listen);
  const texts = [`${start.toFixed(2)} s`, `${end.toFixed(2)} s`, `${(end - start).toFixed(2)} s`];
  for (const text of [...texts, probability.toFixed(3)]) row.insertCell().textContent = text;
  return row;
}

/** What goes on, and for how long: the seconds stand apart, so that a screen reader is not told every one. */
function say(text: string, seconds?: number): void {
  for (const [id, words] of [
    ["status", text],
    ["time", seconds === undefined ? "" : clock(seconds)],
  ] as const) {
    if (element(id).textContent !== words) element(id).textContent = words;
  }
}

function complain(error?: unknown): void {
  const problem = element("problem");
  problem.hidden = error === undefined;
  if (error !== undefined) problem.textContent = messageOf(error);
}

/** What to say of an error: the browser's own words for a refused microphone tell nobody what to do. */
function messageOf(error: unknown): string {
  const { name, message } = error as Error;
  if (name === "NotAllowedError") {
    return "The microphone may not be used: allow it for this page in the browser's settings.";
  }
  if (name === "NotFoundError") return "No microphone was found.";
  if (name === "EncodingError") return "This file is no sound that the browser can decode.";
  return message;
}

function hear(message: WorkletMessage): void {
  if (message.kind === "chunk") {
    recording.push(message.samples, message.probability);
    recording.since = message.since;
    if (microphone !== undefined) {
      say(message.since === undefined ? "Listening" : "Speech", recording.seconds);
    }
  } else if (message.kind === "segment") {
    recording.segments.push(message.segment);
    recording.since = undefined;
  } else if (message.kind === "error") complain(message);
  show();
}

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function begin(): void {
  complain();
  playing?.stop();
  recording = new Recording();
  rows = 0;
  element("segments").replaceChildren();
}

/** Runs `work` while the buttons that would disturb it are off. */
async function alone(work: () => Promise<void>): Promise<void> {
  if (busy) return;
  busy = true;
  for (const id of ["listen", "choose-sound", "change-model"]) button(id).disabled = true;
  try {
    await work();
  } catch (error) {
    complain(error);
  } finally {
    busy = false;
    for (const id of ["listen", "choose-sound", "change-model"]) button(id).disabled = false;
    show();
  }
}

function showLive(live: boolean): void {
  button("listen").classList.toggle("live", live);
  element("listen-label").textContent = live ? "Stop" : "Listen";
  button("choose-sound").disabled = live;
  button("change-model").disabled = live;
  button("reset").disabled = live;
  settings.disabled = live;
}

function listen(): void {
  const running = microphone;
  if (running !== undefined) {
    running.stop();
    microphone = undefined;
    recording.since = undefined;
    showLive(false);
    say("Recorded", recording.seconds);
    show();
    return;
  }
  void alone(async () => {
    begin();
    say("Waiting for the microphone …");
    try {
      microphone = await hearMicrophone((model as Model).bytes, settings.options, hear);
      say("Listening");
    } catch (error) {
      say("");
      throw error;
    }
  }).then(() => showLive(microphone !== undefined));
}

function openSound(file: File): void {
  void alone(async () => {
    begin();
    say(`Reading ${file.name} …`);
    const samples = await samplesOf(file);
    const from = performance.now();
    await hearSamples((model as Model).bytes, settings.options, samples, hear);
    const spent = (performance.now() - from) / 1000;
    say(`${file.name} · ${clock(recording.seconds)} analysed in ${spent.toFixed(2)} s`);
  });
}

function openModel(file: File): void {
  void alone(async () => {
    complain();
    const bytes = new Uint8Array(await file.arrayBuffer());
    useModel(await tryModel(file.name, bytes));
    if (model !== undefined) await keepModel(model);
  });
}

function useModel(tried: Model): void {
  model = tried;
  element("ask").hidden = true;
  for (const id of ["controls", "figure", "columns", "change-model"]) element(id).hidden = false;
  const times = Math.round(tried.speed);
  element("model-name").textContent =
    `${tried.name}: on this device ${times} times as fast as speech`;
  show();
}

function playFrom(from: number, to: number): void {
  playing?.stop();
  button("play").textContent = "Stop playing";
  const running = play(recording.samples, [from, to], (second) => {
    if (playing !== running) return;
    playhead = second;
    if (second === undefined) {
      playing = undefined;
      button("play").textContent = "Play";
    }
    show();
  });
  playing = running;
}

function segmentAgain(): void {
  recording.segment(settings.options);
  rows = 0;
  element("segments").replaceChildren();
  show();
}

function save(): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([recording.toJson()], { type: "application/json" }));
  link.download = "speech.json";
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Opens what was chosen or dropped: a model, or sound once there is a model. */
function take(file: File | undefined): void {
  if (file === undefined) return;
  if (file.name.endsWith(".onnx")) openModel(file);
  else if (model === undefined) complain(new Error("Choose the model first: a file *.onnx"));
  else openSound(file);
}

function connect(): void {
  const files = [
    ["choose-model", "model-file"],
    ["change-model", "model-file"],
    ["choose-sound", "sound-file"],
  ] as const;
  for (const [from, to] of files) button(from).onclick = () => element(to).click();
  for (const id of ["model-file", "sound-file"]) {
    const input: HTMLInputElement = element(id);
    input.onchange = () => {
      take(input.files?.[0]);
      // The same file can be chosen again.
      input.value = "";
    };
  }
  button("listen").onclick = listen;
  button("save").onclick = save;
  button("play").onclick = () => {
    if (playing !== undefined) playing.stop();
    else playFrom(0, recording.seconds);
  };
  button("reset").onclick = () => {
    settings.reset();
    segmentAgain();
  };
  canvas.onpointermove = ({ offsetX }) => {
    const [from, to] = range();
    const share = (offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
    pointer = share < 0 || share > 1 ? undefined : from + share * (to - from);
    show();
  };
  canvas.onpointerleave = () => {
    pointer = undefined;
    show();
  };
  canvas.onclick = () => {
    if (microphone === undefined && pointer !== undefined && pointer < recording.seconds) {
      playFrom(pointer, recording.seconds);
    }
  };
  window.ondragover = (event) => {
    event.preventDefault();
    element("drop").hidden = microphone !== undefined;
  };
  window.ondragleave = ({ relatedTarget }) => {
    if (relatedTarget === null) element("drop").hidden = true;
  };
  window.ondrop = (event) => {
    event.preventDefault();
    element("drop").hidden = true;
    if (microphone === undefined) take(event.dataTransfer?.files[0]);
  };
  new ResizeObserver(show).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").onchange = show;
}

async function start(): Promise<void> {
  connect();
  const kept = await keptModel();
  if (kept !== undefined) {
    try {
      useModel(await tryModel(kept.name, kept.bytes));
      return;
    } catch {
      // It is asked for anew.
    }
  }
  element("ask").hidden = false;
}

void start();
