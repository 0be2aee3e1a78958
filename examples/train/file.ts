import { type Tensor, tensor } from "recurra";
import { type StorableTensor, writeSafetensors } from "recurra/safetensors";
import type { Network } from "./network.js";
import { CHARACTERS, START, UNKNOWN } from "./vocabulary.js";

/**
 * A model file with PyTorch's names for an embedding, an LSTM and a linear layer, in float16, which halves the bytes at no
 * visible loss. Equal networks and notes give equal bytes.
 *
 * @param notes metadata that say where the model comes from
 */
export function fileOf(network: Network, notes: Readonly<Record<string, string>>): Uint8Array {
  const { E, Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by } = network;
  const na = Wf.shape[0] as number;
  const gates = [Wi, Wf, Wc, Wo];
  const tensors: Record<string, Tensor> = {
    "embedding.weight": E,
    "lstm.weight_ih_l0": stacked(gates.map((gate) => columns(gate, na, gate.shape[1] as number))),
    "lstm.weight_hh_l0": stacked(gates.map((gate) => columns(gate, 0, na))),
    "lstm.bias_ih_l0": flat(stacked([bi, bf, bc, bo])),
    // PyTorch has two biases and only uses their sum.
    "lstm.bias_hh_l0": tensor([4 * na]),
    "decoder.weight": Wy,
    "decoder.bias": flat(by),
  };
  const stored = Object.entries(tensors).map(
    ([name, { shape, data }]): [string, StorableTensor] => [name, { shape, data, dtype: "F16" }],
  );
  return writeSafetensors(new Map(stored), {
    ...notes,
    vocabulary: JSON.stringify(Object.fromEntries(CHARACTERS.map((each, id) => [each, id]))),
    start: START,
    unknown: UNKNOWN,
  });
}

/** Columns `from` … `to` − 1 of a matrix. */
function columns({ shape, data }: Tensor, from: number, to: number): Tensor {
  const [rows = 0, stride = 0] = shape;
  const width = to - from;
  const part = tensor([rows, width]);
  for (let row = 0; row < rows; row++) {
    const begin = row * stride + from;
    part.data.set(data.subarray(begin, begin + width), row * width);
  }
  return part;
}

/** Matrices of the same width, one below the other. */
function stacked(matrices: readonly Tensor[]): Tensor {
  const width = matrices[0]?.shape[1] as number;
  const data = matrices.flatMap((matrix) => Array.from(matrix.data));
  return tensor([data.length / width, width], data);
}

/** The same numbers with one axis. */
function flat({ data }: Tensor): Tensor {
  return { shape: [data.length], data };
}
