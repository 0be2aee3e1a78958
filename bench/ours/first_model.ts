// A process that makes an engine, opens one model and prints the nanoseconds of both. Arguments: the precision, and the
// folder of the model's files.
import { createEngine, loadLanguageModel } from "recurra";
import { readLanguageFiles } from "../cases/language.js";

const [precision, folder] = process.argv.slice(2) as [string, string];
const { bytes, vocabulary } = readLanguageFiles(folder);

const start = process.hrtime.bigint();
const engine = await createEngine();
await loadLanguageModel(engine, bytes, {
  vocabulary,
  precision: precision === "f32" ? "f32" : "f64",
});
console.log(String(process.hrtime.bigint() - start));
