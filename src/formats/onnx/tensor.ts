import type { ModelFormatCode } from "../../description/format_error.js";
import { formatShape } from "../../tensor.js";
import { fromBF16, fromF16 } from "../halves.js";
import { FIXED32, FIXED64, type Span, VARINT, Wire } from "./wire.js";

/** The number types that are read, by TensorProto's code: bytes of one number in raw_data, and the typed field. */
export const DTYPES = {
  1: { name: "FLOAT", width: 4, field: 4 },
  6: { name: "INT32", width: 4, field: 5 },
  7: { name: "INT64", width: 8, field: 7 },
  9: { name: "BOOL", width: 1, field: 5 },
  10: { name: "FLOAT16", width: 2, field: 5 },
  11: { name: "DOUBLE", width: 8, field: 10 },
  16: { name: "BFLOAT16", width: 2, field: 5 },
} as const;

/** ONNX's name of a number type that is read. */
export type OnnxDtype = (typeof DTYPES)[keyof typeof DTYPES]["name"];

const RAW = 9;
/** The fields that hold numbers, and their wire types. */
const DATA = new Map<number, typeof VARINT | typeof FIXED32 | typeof FIXED64>([
  [4, FIXED32],
  [5, VARINT],
  [7, VARINT],
  [10, FIXED64],
  [11, VARINT],
]);
const MAX_RANK = 8;
const MAX_NAME = 512;

/** A tensor of the file without its numbers. */
export interface TensorProto {
  readonly name: string;
  /** TensorProto's code of the type. */
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly size: number;
  readonly at: number;
  readonly end: number;
  /** The place of raw_data, if the tensor has them. */
  readonly raw: Span | undefined;
}

/** A tensor's numbers. Integers beyond 2^53 are rounded. */
export interface OnnxTensor {
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  /** In C order: `Float32Array` for FLOAT, FLOAT16 and BFLOAT16, which it represents exactly, else `Float64Array`. */
  readonly data: Float64Array | Float32Array;
}

/** The properties of a number type; undefined if it is not read. */
export function dtypeOf(dtype: number): (typeof DTYPES)[keyof typeof DTYPES] | undefined {
  return Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype as keyof typeof DTYPES] : undefined;
}

/** The bytes of a tensor after it is read. */
export const bytesOf = ({ dtype, size }: TensorProto): number =>
  size * ([1, 10, 16].includes(dtype) ? 4 : 8);

/** Reads a TensorProto. Throws unless it has as many numbers as its shape asks for. */
export function parseTensor(wire: Wire): TensorProto {
  let name = "";
  let dtype = 0;
  let raw: Span | undefined;
  let external = false;
  let segment = false;
  const shape: number[] = [];
  /** Numbers by field; most tensors have raw_data instead. */
  let counts: Map<number, number> | undefined;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    const type = DATA.get(field);
    if (type !== undefined) {
      counts ??= new Map();
      let count = counts.get(field) ?? 0;
      wire.numbers(type, () => count++);
      counts.set(field, count);
    } else if (field === 1) {
      wire.numbers(VARINT, (extent) => {
        if (shape.length === MAX_RANK) {
          wire.fail("rank-too-high", `dims: expected ≤ ${MAX_RANK} numbers, got more`);
        }
        shape.push(extent);
      });
    } else if (field === 2) dtype = wire.integer();
    else if (field === 8) name = wire.text(MAX_NAME);
    else if (field === RAW) raw = wire.span();
    else {
      if (field === 13) external = true;
      if (field === 3) segment = true;
      if (field === 14 && wire.type === VARINT) external ||= wire.integer() !== 0;
      else wire.skip();
    }
  }
  const fail = (code: ModelFormatCode, what: string): never =>
    wire.fail(code, what, wire.begin, name);
  // A path inside a model is never followed.
  if (external) fail("external-data", "expected its numbers in the file, got external_data");
  if (segment) fail("data", "expected a whole tensor, got a segment");
  let size = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      fail("integer", `dims: expected integers from 0 to 2^53 − 1, got ${extent}`);
    }
    size *= extent;
    if (!Number.isSafeInteger(size * 8)) {
      fail("shape-overflow", `dims: expected fewer than 2^53 bytes, got ${formatShape(shape)}`);
    }
  }
  const kind = dtypeOf(dtype);
  if (raw !== undefined && raw.begin === raw.end) raw = undefined;
  if (kind !== undefined) {
    const rawCount = raw === undefined ? 0 : (raw.end - raw.begin) / kind.width;
    const count = rawCount + (counts?.get(kind.field) ?? 0);
    const all = [...(counts?.values() ?? [])].reduce((sum, each) => sum + each, rawCount);
    if (all !== count || (raw !== undefined && rawCount !== count)) {
      const found = "numbers in another or in a second one";
      fail("data", `expected ${kind.name} in raw_data or in field ${kind.field}, got ${found}`);
    }
    if (count !== size) {
      const wanted = `${size} numbers of ${kind.name} for shape ${formatShape(shape)}`;
      fail("size", `expected ${wanted}, got ${count}`);
    }
  }
  return { name, dtype, shape, size, at: wire.begin, end: wire.end, raw };
}

/** The numbers of a tensor that `parseTensor` has checked. They share no memory with the file. */
export function readTensor(where: string, bytes: Uint8Array, proto: TensorProto): OnnxTensor {
  const wire = new Wire(where, bytes, proto.at, proto.end);
  const kind = dtypeOf(proto.dtype);
  if (kind === undefined) {
    const known = Object.values(DTYPES).map(({ name }) => name);
    const what = `data_type: expected one of ${known.join(", ")}, got number ${proto.dtype}`;
    return wire.fail("dtype", what, proto.at, proto.name);
  }
  const { name: dtype, field: wanted } = kind;
  const { shape, size, raw } = proto;
  if (raw !== undefined) return { dtype, shape, data: readRaw(bytes, dtype, raw) };
  const half = dtype === "FLOAT16" || dtype === "BFLOAT16";
  const data = half
    ? new Uint16Array(size)
    : new (dtype === "FLOAT" ? Float32Array : Float64Array)(size);
  let count = 0;
  const type = DATA.get(wanted) ?? VARINT;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field !== wanted) wire.skip();
    else {
      wire.numbers(type, (value) => {
        data[count++] = value;
      });
    }
  }
  if (!(data instanceof Uint16Array)) return { dtype, shape, data };
  return { dtype, shape, data: dtype === "FLOAT16" ? fromF16(data) : fromBF16(data) };
}

function readRaw(bytes: Uint8Array, dtype: OnnxDtype, { begin, end }: Span) {
  // A copy is aligned for any typed array. The `slice` of a Node Buffer would be a view.
  const copy = new Uint8Array(end - begin);
  copy.set(bytes.subarray(begin, end));
  const { buffer } = copy;
  if (dtype === "FLOAT") return new Float32Array(buffer);
  if (dtype === "DOUBLE") return new Float64Array(buffer);
  if (dtype === "BOOL") return Float64Array.from(copy, (value) => Math.min(value, 1));
  if (dtype === "INT32") return Float64Array.from(new Int32Array(buffer));
  if (dtype === "INT64") return Float64Array.from(new BigInt64Array(buffer), Number);
  const halves = new Uint16Array(buffer);
  return dtype === "FLOAT16" ? fromF16(halves) : fromBF16(halves);
}
