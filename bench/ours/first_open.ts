// A process that makes an engine, opens one model and tells how many nanoseconds both took. Arguments: the width, and the
// folder of the model's files.
import { createEngine, loadLanguageModel } from "recurra";
import { readLanguageFiles } from "../cases/language.js";

const [width, folder] = process.argv.slice(2) as [string, string];
const { bytes, vocabulary } = readLanguageFiles(folder);

const start = process.hrtime.bigint();
const engine = await createEngine();
await loadLanguageModel(engine, bytes, { vocabulary, precision: width === "f32" ? "f32" : "f64" });
console.log(String(process.hrtime.bigint() - start));
