// Why this exists: while a large batch scores, the event loop must live. Prints how late a 10 ms timer comes meanwhile: its
// worst, its 99th percentile and its median, in milliseconds; beside them the same timer of an idle process. No test asks
// for it: a loaded machine is late by itself. After `npm run build`: node scripts/measure_lateness.mjs [folder of a model]
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { createEngineSync, loadLanguageModel } from "recurra";

const folder = process.argv[2] ?? new URL("../test/fixtures/shakespeare", import.meta.url);
const file = (name) =>
  new URL(name, `${pathToFileURL(folder instanceof URL ? folder.pathname : folder)}/`);
if (!existsSync(file("model.safetensors"))) {
  console.error(`no model.safetensors in ${folder}: give a folder with vocab.json and text.txt`);
  process.exit(1);
}

const engine = createEngineSync();
const bytes = readFileSync(file("model.safetensors"));
const vocabulary = JSON.parse(readFileSync(file("vocab.json"), "utf8"));
const text = readFileSync(file("text.txt"), "utf8");
const lines = text.split("\n").filter((line) => line !== "");
const many = Array.from({ length: 5000 }, (_, i) => lines[i % lines.length]);

/** How late a 10 ms timer comes until `work` is done. */
async function lateness(work) {
  const late = [];
  let due = performance.now() + 10;
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(Math.max(now - due, 0));
    due = now + 10;
  }, 10);
  await work();
  clearInterval(timer);
  return late.sort((a, b) => a - b);
}

const show = (name, late) => {
  const at = (part) => (late[Math.floor((late.length - 1) * part)] ?? Number.NaN).toFixed(1);
  console.log(
    `${name.padEnd(34)} ${String(late.length).padStart(6)} ${at(1).padStart(7)} ${at(0.99).padStart(7)} ${at(0.5).padStart(7)}`,
  );
};

console.log(`${"a 10 ms timer's lateness, ms".padEnd(34)}  ticks   worst     p99  median`);
show("idle", await lateness(() => new Promise((resolve) => setTimeout(resolve, 1000))));
for (const precision of ["f64", "f32"]) {
  const model = await loadLanguageModel(engine, bytes, { vocabulary, precision });
  show(`${many.length} lines, ${precision}`, await lateness(() => model.score(many)));
  const whole = Array(8).fill(text);
  show(`8 texts of ${text.length}, ${precision}`, await lateness(() => model.score(whole)));
  model.dispose();
}
