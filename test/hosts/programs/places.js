// Every place of a browser that runs JavaScript: each is a name and what it gives, the hashes or an error.
import { hashes } from "./hashes.js";

/** The address of a script; in a page of file:// that of its text, which workers take as a blob and worklets as data. */
const script = (name) => {
  const text = globalThis.TEXTS?.[name];
  if (text === undefined) return name;
  return name === "worklet.js"
    ? `data:text/javascript,${encodeURIComponent(text)}`
    : URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
};

const message = (target) =>
  new Promise((resolve, reject) => {
    target.onmessage = ({ data }) => resolve(data);
    target.onerror = (event) => reject(new Error(event.message ?? "the script was not loaded"));
  });

function inWorker() {
  const type = globalThis.TEXTS === undefined ? "module" : "classic";
  return message(new Worker(script("worker.js"), { type }));
}

async function inAudioWorklet() {
  const context = new OfflineAudioContext(1, 128, 44100);
  await context.audioWorklet.addModule(script("worklet.js"));
  const node = new AudioWorkletNode(context, "golden");
  const posted = message(node.port);
  node.connect(context.destination);
  void context.startRendering();
  return posted;
}

async function inFrame() {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.src = `frame.html${location.search}`;
  const posted = new Promise((resolve) => {
    addEventListener(
      "message",
      ({ source, data }) => source === frame.contentWindow && resolve(data),
    );
  });
  document.body.append(frame);
  return posted;
}

async function inServiceWorker() {
  const { serviceWorker } = navigator;
  await serviceWorker.register("service_worker.js", { type: "module" });
  const { active } = await serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  const answer = message(port1);
  active.postMessage("hashes", [port2]);
  return answer;
}

/** What a policy without 'wasm-unsafe-eval' makes of both ways to open an engine. */
async function refused() {
  const lines = [];
  for (const options of [{}, { wasm: fetch("kernels.wasm") }]) {
    await hashes(options).then(
      () => lines.push("opened"),
      (error) => lines.push(`${error.name}: ${error.message}`),
    );
  }
  return lines;
}

const PLACES = { page: hashes, inWorker, inAudioWorklet, inFrame, inServiceWorker, refused };

/** A place that does not answer is told apart from one that gives an error. */
const late = () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("no answer within 12 s")), 12_000));

async function runAll(names) {
  const report = { isolated: globalThis.crossOriginIsolated };
  for (const name of names) {
    report[name] = await Promise.race([PLACES[name](), late()]).catch(
      (error) => `${error.name}: ${error.message}`,
    );
  }
  const to = globalThis.REPORT_TO ?? location.hash.slice(1);
  await fetch(to, { method: "POST", body: JSON.stringify(report) });
}

void runAll(document.documentElement.dataset.places.split(" "));
