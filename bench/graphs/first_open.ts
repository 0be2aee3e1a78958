// A process that opens one model and prints the nanoseconds: the first one that it opens. Engine and runtime are loaded before.
// Arguments: ours or a runtime, and the model's version.
import { createEngineSync } from "recurra";
import { openGraph } from "recurra/onnx";
import { onnxruntime, type Runtime } from "../rivals/onnxruntime_session.js";
import { inputsOf, modelOf } from "./models.js";

const [who, name] = process.argv.slice(2) as ["f32" | Runtime, string];
const model = modelOf(name);
const open = await opener();
const start = process.hrtime.bigint();
await open();
console.log(String(process.hrtime.bigint() - start));
process.exit(0);

async function opener(): Promise<() => unknown> {
  if (who === "f32") {
    const engine = createEngineSync();
    return () => openGraph(engine, model.bytes, { inputs: inputsOf(model) });
  }
  const runtime = onnxruntime(who);
  return () => runtime.open(model.bytes);
}
