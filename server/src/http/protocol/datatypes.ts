import { Problem } from "../../problem.js";

/** The datatypes of the protocol that are taken, with the bytes of one element; BYTES has a length before each. */
export const DATATYPES = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
} as const;
export type Datatype = keyof typeof DATATYPES;

/** Numbers of a tensor: int64 as numbers, which are exact to 2⁵³. */
export type Numbers = Float64Array | Float32Array | Int32Array;

/** The whole range of each integer type, as far as numbers are exact. */
const RANGES: Readonly<Partial<Record<Datatype, readonly [least: number, most: number]>>> = {
  BOOL: [0, 1],
  UINT8: [0, 2 ** 8 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-(2 ** 7), 2 ** 7 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Throws unless `value` can be an element. */
export function checkElement(
  where: string,
  datatype: Datatype,
  value: unknown,
): asserts value is number | boolean | string {
  if (datatype === "BYTES") {
    if (typeof value === "string") return;
  } else if (datatype === "BOOL" && typeof value === "boolean") return;
  else if (typeof value === "number" && Number.isFinite(value)) {
    const range = RANGES[datatype];
    if (range === undefined) return;
    if (Number.isInteger(value) && value >= range[0] && value <= range[1]) return;
  }
  throw new Problem(
    "invalid-tensor",
    `${where}: expected elements of ${datatype}, got ${shown(value)}`,
  );
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);

/** The numbers of little-endian bytes. */
export function readNumbers(datatype: Exclude<Datatype, "BYTES">, bytes: Uint8Array): Numbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength / DATATYPES[datatype];
  if (datatype === "FP32")
    return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
  const numbers = new Float64Array(length);
  for (let i = 0; i < length; i++) numbers[i] = READ[datatype](view, i);
  return numbers;
}

const READ: Readonly<Record<Exclude<Datatype, "BYTES">, (view: DataView, i: number) => number>> = {
  BOOL: (view, i) => (view.getUint8(i) === 0 ? 0 : 1),
  UINT8: (view, i) => view.getUint8(i),
  UINT16: (view, i) => view.getUint16(2 * i, true),
  UINT32: (view, i) => view.getUint32(4 * i, true),
  UINT64: (view, i) => Number(view.getBigUint64(8 * i, true)),
  INT8: (view, i) => view.getInt8(i),
  INT16: (view, i) => view.getInt16(2 * i, true),
  INT32: (view, i) => view.getInt32(4 * i, true),
  INT64: (view, i) => Number(view.getBigInt64(8 * i, true)),
  FP32: (view, i) => view.getFloat32(4 * i, true),
  FP64: (view, i) => view.getFloat64(8 * i, true),
};

/** Numbers as little-endian bytes. */
export function writeNumbers(
  datatype: Exclude<Datatype, "BYTES">,
  numbers: ArrayLike<number | bigint>,
): Buffer {
  const bytes = Buffer.alloc(numbers.length * DATATYPES[datatype]);
  for (let i = 0; i < numbers.length; i++) WRITE[datatype](bytes, i, numbers[i] as number);
  return bytes;
}

const WRITE: Readonly<
  Record<Exclude<Datatype, "BYTES">, (bytes: Buffer, i: number, value: number | bigint) => void>
> = {
  BOOL: (bytes, i, value) => bytes.writeUInt8(Number(value), i),
  UINT8: (bytes, i, value) => bytes.writeUInt8(Number(value), i),
  UINT16: (bytes, i, value) => bytes.writeUInt16LE(Number(value), 2 * i),
  UINT32: (bytes, i, value) => bytes.writeUInt32LE(Number(value), 4 * i),
  UINT64: (bytes, i, value) => bytes.writeBigUInt64LE(BigInt(value), 8 * i),
  INT8: (bytes, i, value) => bytes.writeInt8(Number(value), i),
  INT16: (bytes, i, value) => bytes.writeInt16LE(Number(value), 2 * i),
  INT32: (bytes, i, value) => bytes.writeInt32LE(Number(value), 4 * i),
  INT64: (bytes, i, value) => bytes.writeBigInt64LE(BigInt(value), 8 * i),
  FP32: (bytes, i, value) => bytes.writeFloatLE(Number(value), 4 * i),
  FP64: (bytes, i, value) => bytes.writeDoubleLE(Number(value), 8 * i),
};

/** The texts of BYTES: each has its length before it, four bytes, little-endian. */
export function readTexts(where: string, bytes: Buffer): string[] {
  const texts: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < bytes.byteLength; ) {
    const start = at + 4;
    const end =
      start <= bytes.byteLength ? start + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.byteLength)
      throw new Problem(
        "invalid-tensor",
        `${where}: an element of BYTES passes the end of the data`,
      );
    try {
      texts.push(decoder.decode(bytes.subarray(start, end)));
    } catch {
      throw new Problem("invalid-tensor", `${where}: expected UTF-8`);
    }
    at = end;
  }
  return texts;
}

export function writeTexts(texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}
