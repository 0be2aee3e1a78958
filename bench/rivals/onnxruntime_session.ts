// The part of onnxruntime, -web (wasm) or -node (native), that the bench calls; one thread.
import { requireRival } from "./modules.js";

export interface OrtTensor {
  readonly data: Float32Array;
}

export type Tensors = Record<string, OrtTensor>;

export interface Session {
  run(feeds: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

interface Ort {
  env: { wasm: { numThreads: number } };
  Tensor: {
    new (type: "float32", data: Float32Array, dims: readonly number[]): OrtTensor;
    new (type: "int32", data: Int32Array, dims: readonly number[]): OrtTensor;
    new (type: "int64", data: BigInt64Array, dims: readonly number[]): OrtTensor;
  };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

export type Runtime = "onnxruntime-web" | "onnxruntime-node";

/** The runtime's tensors, and a function that opens a model. */
export function onnxruntime(name: Runtime) {
  const ort: Ort = requireRival(name);
  if (name === "onnxruntime-web") ort.env.wasm.numThreads = 1;
  const options = {
    executionProviders: [name === "onnxruntime-web" ? "wasm" : "cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
  };
  const open = (model: Uint8Array): Promise<Session> => ort.InferenceSession.create(model, options);
  return { Tensor: ort.Tensor, open };
}
