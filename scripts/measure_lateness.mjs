// Why this exists: while an engine works, the event loop must live, and a short text must not wait for the end of a long
// one. Prints how late a 10 ms timer comes meanwhile: its worst, its 99th percentile and its median, in milliseconds; beside
// them the same timer of an idle process. Then how long 63 lines of 40 characters take beside a text of 18,000, in times of
// their own time. No test asks for it: a loaded machine is late by itself.
// After `npm run build`: node scripts/measure_lateness.mjs [folder of a model]
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

/** As many calls at once as `count`, of 1,200 lines in all but at least 6 each. */
const callsOf = (model, count) => {
  const each = Math.max(Math.round(1200 / count), 6);
  return () =>
    Promise.all(
      Array.from({ length: count }, (_, i) => model.score(many.slice(i * each, (i + 1) * each))),
    );
};

/** Milliseconds until all of `promises` have resolved. */
async function timeOf(start) {
  const begin = performance.now();
  await start();
  return performance.now() - begin;
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

/** The time of 63 short texts beside a long one, over their time without it: the median of nine pairs, one after the other. */
async function slowdown(short, beside) {
  const ratios = [];
  for (let i = 0; i < 9; i++) {
    const alone = await timeOf(short);
    const controller = new AbortController();
    const long = beside(controller.signal).catch((error) => error.name);
    const together = await timeOf(short);
    controller.abort();
    if ((await long) !== "AbortError") throw new Error("the long text was done too early");
    ratios.push(together / alone);
  }
  return median(ratios).toFixed(2);
}

console.log(`${"a 10 ms timer's lateness, ms".padEnd(34)}  ticks   worst     p99  median`);
show("idle", await lateness(() => new Promise((resolve) => setTimeout(resolve, 1000))));
for (const precision of ["f64", "f32"]) {
  const model = await loadLanguageModel(engine, bytes, { vocabulary, precision });
  show(`${many.length} lines, ${precision}`, await lateness(() => model.score(many)));
  const whole = Array(8).fill(text);
  show(`8 texts of ${text.length}, ${precision}`, await lateness(() => model.score(whole)));
  for (const count of [1, 10, 50, 200]) {
    const name = `${count} ${count === 1 ? "call" : "calls at once"}, ${precision}`;
    show(name, await lateness(callsOf(model, count)));
  }
  model.dispose();
}

console.log("\n63 lines of 40 characters beside a text of 18,000, in times of their own time");
for (const precision of ["f64", "f32"]) {
  const model = await loadLanguageModel(engine, bytes, { vocabulary, precision });
  const short = Array.from({ length: 63 }, (_, i) => text.slice(40 * i, 40 * (i + 1)));
  const long = text.slice(0, 18000);
  const beside = (signal) => model.score([long], { signal });
  const atOnce = () => Promise.all(short.map((line) => model.score([line])));
  console.log(`  63 calls at once, ${precision}:`.padEnd(34), await slowdown(atOnce, beside));
  const inTurn = async () => {
    for (const line of short) await model.score([line]);
  };
  console.log(`  63 calls in turn, ${precision}:`.padEnd(34), await slowdown(inTurn, beside));
  const list = () => model.score(short);
  console.log(`  one call of 63, ${precision}:`.padEnd(34), await slowdown(list, beside));
  model.dispose();
}
