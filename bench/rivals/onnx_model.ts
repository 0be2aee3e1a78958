// A model of one LSTM or RNN node, written as ONNX (protobuf) bytes: field numbers from onnx.proto, IR 8, opset 14.
import type { Sizes, Work } from "../cases/cases.js";
import type { Operands } from "../cases/data.js";

type Bytes = readonly number[] | Uint8Array;

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

const number = (field: number, value: number): number[] => [
  ...varint(field << 3),
  ...varint(value),
];

function bytes(field: number, content: Bytes): Uint8Array {
  return concat([...varint((field << 3) | 2), ...varint(content.length)], content);
}

const text = (field: number, value: string): Uint8Array =>
  bytes(field, new TextEncoder().encode(value));

function concat(...parts: Bytes[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

const FLOAT = 1;
const INT = 2;

/** TensorProto. */
function initializer(name: string, dims: number[], data: Float32Array): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const shape = dims.flatMap((extent) => number(1, extent));
  return concat(shape, number(2, FLOAT), text(8, name), bytes(9, raw));
}

/** ValueInfoProto. */
function value(name: string, dims: number[]): Uint8Array {
  const shape = concat(...dims.map((extent) => bytes(1, number(1, extent))));
  return concat(text(1, name), bytes(2, bytes(1, concat(number(1, FLOAT), bytes(2, shape)))));
}

/** Row blocks in ONNX's gate order i, o, f, c, from ours i, f, g, o. */
function reordered(data: Float64Array, gates: number): Float32Array {
  if (gates === 1) return Float32Array.from(data);
  const block = data.length / 4;
  const to = new Float32Array(data.length);
  [0, 3, 1, 2].forEach((gate, i) => {
    to.set(data.subarray(gate * block, (gate + 1) * block), i * block);
  });
  return to;
}

/** Inputs: X (T, m, nx), for a step also h0 and c0; outputs: Y (T, 1, m, na), for a step h1 and c1 instead. */
export function onnxModel(work: Work, { nx, na, m, T }: Sizes, o: Operands): Uint8Array {
  const [operator, G] = work === "rnn-forward" ? ["RNN", 1] : ["LSTM", 4];
  const step = work === "lstm-step";
  const state = [1, m, na];
  const biases = new Float32Array(2 * G * na);
  biases.set(reordered(o.bias_ih, G));
  biases.set(reordered(o.bias_hh, G), G * na);
  const inputs = ["X", "W", "R", "B", ...(step ? ["", "h0", "c0"] : [])];
  const outputs = step ? ["", "h1", "c1"] : ["Y"];
  const hiddenSize = concat(text(1, "hidden_size"), number(3, na), number(20, INT));
  const node = concat(
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    ...[text(4, operator), bytes(5, hiddenSize)],
  );
  const graph = concat(
    ...[bytes(1, node), text(2, "one")],
    bytes(5, initializer("W", [1, G * na, nx], reordered(o.weight_ih, G))),
    bytes(5, initializer("R", [1, G * na, na], reordered(o.weight_hh, G))),
    bytes(5, initializer("B", [1, 2 * G * na], biases)),
    bytes(11, value("X", [step ? 1 : T, m, nx])),
    ...(step ? ["h0", "c0"].map((name) => bytes(11, value(name, state))) : []),
    ...(step
      ? ["h1", "c1"].map((name) => bytes(12, value(name, state)))
      : [bytes(12, value("Y", [T, 1, m, na]))]),
  );
  return concat(number(1, 8), bytes(7, graph), bytes(8, concat(text(1, ""), number(2, 14))));
}
