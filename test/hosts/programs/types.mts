import {
  createEngine,
  createRecurrent,
  type Engine,
  EngineMemoryError,
  loadLanguageModel,
  type RnnParameters,
  rnnBackward,
  rnnForward,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
  type WasmSource,
} from "recurra";
import { createArrays } from "recurra/arrays";
import { describeKeras, type ModelDescription } from "recurra/keras";
import { describeOnnx, openGraph } from "recurra/onnx";
import { readSafetensors, type StoredTensor } from "recurra/safetensors";
import { describeTensorflowJs } from "recurra/tensorflowjs";
export const described: ModelDescription[] = [
  describeKeras(new Uint8Array(8), { masking: "ragged" }),
  describeTensorflowJs("{}", [new Uint8Array(8)]),
];
export const stored: StoredTensor | undefined = readSafetensors(new Uint8Array(8)).tensors.get("x");
export async function hidden(wasm: WasmSource, x: Tensor): Promise<Float64Array> {
  const engine: Engine = await createEngine({ wasm });
  const one = tensor([1, 1]);
  const parameters: RnnParameters = { Wax: one, Waa: one, Wya: one, ba: one, by: one };
  const { a, caches } = rnnForward(engine, x, one, parameters);
  const { loss, dWya } = softmaxCrossEntropy(engine, caches, [[0]]);
  const { dWax } = rnnBackward(engine, a, caches);
  const m = await loadLanguageModel(engine, new Uint8Array(3));
  const bytes: Uint8Array = m.stream().state.toBytes();
  const r = createRecurrent(engine, { cell: "lstm", inputSize: 1, hiddenSize: 1 });
  const f: Float64Array = r.forward(tensor([1, 1, 1])).y.data;
  void [bytes, f, openGraph, describeOnnx];
  try {
    return (await createArrays()).sigmoid(
      dWax.data.map((value) => value * loss + (dWya.data[0] ?? 0)),
    );
  } catch (error) {
    if (error instanceof EngineMemoryError) return Float64Array.of(error.needed, error.limit);
    throw error;
  }
}

// The declarations of every other entry.
export type * as forward from "recurra/forward";
export type * as generate from "recurra/generate";
export type * as inspect from "recurra/inspect";
export type * as pool from "recurra/pool";
export type * as slim from "recurra/slim";
export type * as train from "recurra/train";
