// A process that opens one model with onnxruntime and prints the nanoseconds, the start of the runtime included. Arguments:
// the package, and the folder of the model's files.
import { readLanguageFiles } from "../cases/language.js";
import { readModelFile } from "../cases/model_file.js";
import { scoringModel } from "./onnx_language.js";
import { onnxruntime, type Runtime } from "./onnxruntime_session.js";

const [name, folder] = process.argv.slice(2) as [Runtime, string];
const model = scoringModel(readModelFile(readLanguageFiles(folder).bytes));
const { open } = onnxruntime(name);

const start = process.hrtime.bigint();
await open(model);
console.log(String(process.hrtime.bigint() - start));
