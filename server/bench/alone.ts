// scoreSync in a loop, without a server. Arguments: the number type, seconds. Prints what it measured.
import { readFileSync } from "node:fs";
import { createEngine, loadLanguageModel, type Precision } from "recurra";
import { MODEL, readLines } from "./fixture.js";

const [precision = "f64", seconds = "5"] = process.argv.slice(2);
const model = await loadLanguageModel(await createEngine(), readFileSync(MODEL), {
  precision: precision as Precision,
});
const lines = readLines();
model.scoreSync(lines);
const [start, before] = [performance.now(), process.cpuUsage()];
let done = 0;
while (performance.now() - start < 1000 * Number(seconds)) {
  model.scoreSync(lines);
  done += lines.length;
}
const { user, system } = process.cpuUsage(before);
const perSecond = (1000 * done) / (performance.now() - start);
console.log(JSON.stringify({ perSecond, cpu: (user + system) / done }));
