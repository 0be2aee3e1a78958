// What both rivals share: onnxruntime-node, and the model as its users have it, in ONNX with the LSTM operator.
import { readFileSync } from "node:fs";
import { readModelFile } from "../../../bench/cases/model_file.js";
import { requireRival } from "../../../bench/rivals/modules.js";
import { scoringModel } from "../../../bench/rivals/onnx_language.js";
import { MODEL } from "../fixture.js";

interface OrtTensor {
  readonly data: Float32Array;
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
}

interface Ort {
  readonly Tensor: new (type: "int32", data: Int32Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: { create(model: Uint8Array): Promise<Session> };
}

const ort = requireRival("onnxruntime-node") as Ort;

/** A batch: tokens (T, m), the rows that count, the tokens that follow them. */
export interface Feeds {
  readonly T: number;
  readonly m: number;
  readonly tokens: Int32Array;
  readonly rows: Int32Array;
  readonly targets: Int32Array;
}

/** Opens the model with the runtime's own settings: as many threads as cores. */
export async function openScorer(): Promise<(feeds: Feeds) => Promise<Float32Array>> {
  const session = await ort.InferenceSession.create(
    scoringModel(readModelFile(readFileSync(MODEL))),
  );
  return async ({ tokens, rows, targets, T, m }) => {
    const { logProb } = await session.run({
      tokens: new ort.Tensor("int32", tokens, [T, m]),
      rows: new ort.Tensor("int32", rows, [rows.length]),
      targets: new ort.Tensor("int32", targets, [targets.length, 1]),
    });
    return (logProb as OrtTensor).data;
  };
}
