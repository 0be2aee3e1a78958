import type { StoredTensor } from "../../../src/formats/safetensors.js";

// ONNX files (protobuf) by hand, for tests: field numbers from onnx.proto.

type Bytes = ArrayLike<number>;

export function concat(...parts: Bytes[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/** Two's complement of 64 bits where negative. */
export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

export const integer = (field: number, value: number | bigint): number[] => [
  ...varint(field * 8),
  ...varint(value),
];
export const bytes = (field: number, content: Bytes): Uint8Array =>
  concat(varint(field * 8 + 2), varint(content.length), content);
export const text = (field: number, value: string): Uint8Array =>
  bytes(field, new TextEncoder().encode(value));
const memory = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
export const float = (field: number, value: number): Uint8Array =>
  concat(varint(field * 8 + 5), memory(Float32Array.of(value)));

export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;
export const DOUBLE = 11;

export type OnnxData = Float32Array | Float64Array | Int32Array | BigInt64Array;

export interface OnnxArray {
  readonly shape: readonly number[];
  readonly data: OnnxData;
}

export function dtypeOf(data: OnnxData): number {
  if (data instanceof Float32Array) return FLOAT;
  if (data instanceof Float64Array) return DOUBLE;
  return data instanceof Int32Array ? INT32 : INT64;
}

/** TensorProto with raw_data. */
export const tensorProto = (name: string, { shape, data }: OnnxArray): Uint8Array =>
  concat(
    ...shape.map((extent) => integer(1, extent)),
    integer(2, dtypeOf(data)),
    text(8, name),
    bytes(9, memory(data)),
  );

/** ValueInfoProto; a letter is a size that is open. */
export function valueProto(
  name: string,
  dtype: number,
  shape: readonly (number | string)[] | undefined,
): Uint8Array {
  const dimension = (extent: number | string) =>
    bytes(1, typeof extent === "string" ? text(2, extent) : integer(1, extent));
  const form = shape ? bytes(2, concat(...shape.map(dimension))) : [];
  return concat(text(1, name), bytes(2, bytes(1, concat(integer(1, dtype), form))));
}

/** A string, a float (its type is given), integers, lists, a tensor. */
export type Setting =
  | string
  | number
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly graph: ModelSpec }
  | readonly number[]
  | readonly string[]
  | OnnxArray;

export function attributeProto(name: string, value: Setting): Uint8Array {
  const named = (type: number, ...parts: Bytes[]) =>
    concat(text(1, name), ...parts, integer(20, type));
  if (typeof value === "string") return named(3, text(4, value));
  if (typeof value === "number") return named(2, integer(3, value));
  if (Array.isArray(value)) {
    return typeof value[0] === "string"
      ? named(8, ...value.map((each) => text(9, each)))
      : named(7, ...value.map((each) => integer(8, each)));
  }
  if ("float" in value) return named(1, float(2, value.float));
  if ("graph" in value) return named(5, bytes(6, graphProto(value.graph)));
  if ("floats" in value) return named(6, ...value.floats.map((each) => float(7, each)));
  return named(4, bytes(5, tensorProto("", value as OnnxArray)));
}

export interface NodeSpec {
  readonly operator: string;
  readonly name?: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Setting>>;
}

export const nodeProto = (spec: NodeSpec): Uint8Array =>
  concat(
    ...spec.inputs.map((name) => text(1, name)),
    ...spec.outputs.map((name) => text(2, name)),
    text(3, spec.name ?? ""),
    text(4, spec.operator),
    ...Object.entries(spec.attributes ?? {}).map(([name, value]) =>
      bytes(5, attributeProto(name, value)),
    ),
    spec.domain === undefined ? [] : text(7, spec.domain),
  );

export type ValueSpec = readonly [
  name: string,
  dtype: number,
  shape?: readonly (number | string)[] | undefined,
];

export interface ModelSpec {
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: Readonly<Record<string, OnnxArray>>;
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly opset?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** GraphProto. */
export const graphProto = (spec: ModelSpec): Uint8Array =>
  concat(
    ...spec.nodes.map((node) => bytes(1, nodeProto(node))),
    text(2, "graph"),
    ...Object.entries(spec.initializers ?? {}).map(([name, value]) =>
      bytes(5, tensorProto(name, value)),
    ),
    ...spec.inputs.map(([name, dtype, shape]) => bytes(11, valueProto(name, dtype, shape))),
    ...spec.outputs.map(([name, dtype, shape]) => bytes(12, valueProto(name, dtype, shape))),
  );

/** ModelProto around a graph. */
export const modelProto = (
  graph: Bytes,
  opset = 14,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> =>
  concat(
    integer(1, 8),
    text(2, "recurra"),
    bytes(7, graph),
    bytes(8, concat(text(1, ""), integer(2, opset))),
    ...Object.entries(metadata).map(([key, value]) =>
      bytes(14, concat(text(1, key), text(2, value))),
    ),
  );

export const model = (spec: ModelSpec): Uint8Array<ArrayBuffer> =>
  modelProto(graphProto(spec), spec.opset, spec.metadata);

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
