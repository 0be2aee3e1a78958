import type { StoredTensor } from "../../src/formats/safetensors.js";
import { FLOAT, INT64, model, type NodeSpec, type OnnxArray } from "./onnx.js";

/** Blocks of rows: PyTorch's i, f, g, o as ONNX's i, o, f, c. */
const IOFC = [0, 3, 1, 2];

/**
 * A language model of PyTorch's names (embedding, lstm of some layers, decoder) as PyTorch's exporter writes it, batch
 * first: Gather, Transpose, then for each layer LSTM and Squeeze, Transpose, MatMul, Add.
 */
export function languageModel(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array {
  const get = (name: string): StoredTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(name);
    return tensor;
  };
  const float = (name: string) => Float32Array.from(get(name).data);
  const reordered = (data: Float32Array) => {
    const block = data.length / 4;
    const result = new Float32Array(data.length);
    IOFC.forEach((from, to) => {
      result.set(data.subarray(from * block, (from + 1) * block), to * block);
    });
    return result;
  };
  const { shape: rows } = get("decoder.weight");
  const [ny = 0, na = 0] = rows;
  const decoder = float("decoder.weight");
  const initializers: Record<string, OnnxArray> = {
    "embedding.weight": { shape: get("embedding.weight").shape, data: float("embedding.weight") },
    "decoder.bias": { shape: [ny], data: float("decoder.bias") },
    "onnx::MatMul_9": {
      shape: [na, ny],
      data: decoder.map((_, i) => decoder[(i % ny) * na + Math.floor(i / ny)] as number),
    },
    axis: { shape: [1], data: BigInt64Array.of(1n) },
  };
  const nodes: NodeSpec[] = [
    { operator: "Gather", inputs: ["embedding.weight", "x"], outputs: ["e"] },
    { operator: "Transpose", inputs: ["e"], outputs: ["y0"], attributes: { perm: [1, 0, 2] } },
  ];
  let k = 0;
  for (; tensors.has(`lstm.weight_ih_l${k}`); k++) {
    for (const [part, name] of [
      ["W", `lstm.weight_ih_l${k}`],
      ["R", `lstm.weight_hh_l${k}`],
    ] as const) {
      initializers[`${part}${k}`] = {
        shape: [1, ...get(name).shape],
        data: reordered(float(name)),
      };
    }
    const biases = ["ih", "hh"].flatMap((each) =>
      Array.from(reordered(float(`lstm.bias_${each}_l${k}`))),
    );
    initializers[`B${k}`] = { shape: [1, 8 * na], data: Float32Array.from(biases) };
    nodes.push(
      {
        operator: "LSTM",
        name: k === 0 ? "/lstm/LSTM" : `/lstm/LSTM_${k}`,
        inputs: [`y${k}`, `W${k}`, `R${k}`, `B${k}`],
        outputs: [`Y${k}`],
        attributes: { hidden_size: na },
      },
      { operator: "Squeeze", inputs: [`Y${k}`, "axis"], outputs: [`y${k + 1}`] },
    );
  }
  nodes.push(
    { operator: "Transpose", inputs: [`y${k}`], outputs: ["h"], attributes: { perm: [1, 0, 2] } },
    { operator: "MatMul", inputs: ["h", "onnx::MatMul_9"], outputs: ["p"] },
    { operator: "Add", inputs: ["decoder.bias", "p"], outputs: ["logits"] },
  );
  return model({
    nodes,
    initializers,
    inputs: [["x", INT64, ["m", "T"]]],
    outputs: [["logits", FLOAT, ["m", "T", ny]]],
    opset: 17,
  });
}
