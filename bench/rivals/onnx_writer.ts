// ONNX (protobuf) bytes: field numbers from onnx.proto, IR 8, opset 14.

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

/** An extent that is known only when the model runs has a name. */
export type Extents = readonly (number | string)[];

const types = { float: 1, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof types;

/** TensorProto. Integers are int64. */
export function constant(
  name: string,
  dims: readonly number[],
  data: Float32Array | BigInt64Array,
): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const type = data instanceof Float32Array ? types.float : types.int64;
  const shape = dims.flatMap((extent) => number(1, extent));
  return concat(shape, number(2, type), text(8, name), bytes(9, raw));
}

/** ValueInfoProto. */
export function value(name: string, type: ElementType, dims: Extents): Uint8Array {
  const extents = dims.map((extent) =>
    bytes(1, typeof extent === "number" ? number(1, extent) : text(2, extent)),
  );
  const tensor = concat(number(1, types[type]), bytes(2, concat(...extents)));
  return concat(text(1, name), bytes(2, bytes(1, tensor)));
}

const INT = 2;

/** NodeProto; an operand left out is an empty name. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
): Uint8Array {
  const named = Object.entries(attributes).map(([name, integer]) => {
    // A negative int64 takes ten bytes of varint; −1 is the only one that is needed.
    const digits = integer === -1 ? [...Array(9).fill(255), 1] : varint(integer);
    return bytes(5, concat(text(1, name), varint(3 << 3), digits, number(20, INT)));
  });
  return concat(
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    ...[text(4, operator), ...named],
  );
}

export interface Graph {
  nodes: readonly Uint8Array[];
  constants: readonly Uint8Array[];
  inputs: readonly Uint8Array[];
  outputs: readonly Uint8Array[];
}

/** ModelProto. */
export function model({ nodes, constants, inputs, outputs }: Graph): Uint8Array {
  const graph = concat(
    ...nodes.map((one) => bytes(1, one)),
    text(2, "one"),
    ...constants.map((one) => bytes(5, one)),
    ...inputs.map((one) => bytes(11, one)),
    ...outputs.map((one) => bytes(12, one)),
  );
  return concat(number(1, 8), bytes(7, graph), bytes(8, concat(text(1, ""), number(2, 14))));
}

/** Row blocks in ONNX's gate order i, o, f, c, from PyTorch's i, f, g, o. */
export function reordered(data: ArrayLike<number>, gates: number): Float32Array {
  const from = Float32Array.from(data);
  if (gates === 1) return from;
  const block = from.length / 4;
  const to = new Float32Array(from.length);
  [0, 3, 1, 2].forEach((gate, i) => {
    to.set(from.subarray(gate * block, (gate + 1) * block), i * block);
  });
  return to;
}

/** The biases of both products, one after the other, as the operators take them. */
export function bothBiases(input: ArrayLike<number>, hidden: ArrayLike<number>, gates: number) {
  const all = new Float32Array(input.length + hidden.length);
  all.set(reordered(input, gates));
  all.set(reordered(hidden, gates), input.length);
  return all;
}
