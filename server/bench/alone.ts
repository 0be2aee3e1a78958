// scoreSync in a loop, without a server. Arguments: the number type, seconds. Prints lines per second.
import { readFileSync } from "node:fs";
import { createEngine, loadLanguageModel, type Precision } from "recurra";
import { MODEL, readLines } from "./fixture.js";

const [precision = "f64", seconds = "5"] = process.argv.slice(2);
const model = await loadLanguageModel(await createEngine(), readFileSync(MODEL), {
  precision: precision as Precision,
});
const lines = readLines();
model.scoreSync(lines);
const start = performance.now();
let done = 0;
while (performance.now() - start < 1000 * Number(seconds)) {
  model.scoreSync(lines);
  done += lines.length;
}
console.log((1000 * done) / (performance.now() - start));
