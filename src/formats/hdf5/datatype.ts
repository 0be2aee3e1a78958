import type { Cursor } from "./cursor.js";

export type FloatType = "F64" | "F32" | "F16" | "BF16";
export const WIDTHS = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;

/** Bits of a float, the place and size of its exponent and mantissa, the bias, and the place of its sign. */
const FLOATS: Readonly<Record<string, FloatType>> = {
  "64 52 11 0 52 1023 63": "F64",
  "32 23 8 0 23 127 31": "F32",
  "16 10 5 0 10 15 15": "F16",
  "16 7 8 0 7 127 15": "BF16",
};

/** Classes of datatypes that h5py writes for numbers, texts and attributes. */
const CLASSES: Readonly<Record<number, string>> = {
  0: "integer",
  3: "string",
  5: "opaque",
  6: "compound",
  9: "variable",
};
const FLOAT = 1;

/** A datatype as far as it is read. */
export interface Datatype {
  /** The name of its class. */
  readonly kind: string;
  /** Bytes of an element. */
  readonly size: number;
  /** Which float it is, if it is one that is read. */
  readonly dtype: FloatType | undefined;
}

/** Reads a datatype message. */
export function readDatatype(message: Cursor): Datatype {
  const number = message.u8() & 15;
  const [bits, sign] = [message.u8(), message.u8()];
  message.skip(1);
  const size = message.u32();
  const kind = CLASSES[number] ?? `class ${number}`;
  if (number !== FLOAT) return { kind, size, dtype: undefined };
  const offset = message.u16();
  const precision = message.u16();
  const fields = [message.u8(), message.u8(), message.u8(), message.u8(), message.u32(), sign];
  const dtype = FLOATS[[precision, ...fields].join(" ")];
  // Little-endian, with a leading bit that is not stored, and without padding.
  const isPlain = (bits & 0x71) === 0x20 && offset === 0;
  const isKnown = dtype !== undefined && size === WIDTHS[dtype] && isPlain;
  return { kind: "another float", size, dtype: isKnown ? dtype : undefined };
}

/** Reads a dataspace message: the extents, or undefined for a dataset without numbers. */
export function readDataspace(message: Cursor): number[] | undefined {
  const version = message.version("dataspace", 1, 2);
  const rank = message.u8();
  message.skip(1);
  if (version === 1) message.skip(5);
  else if (message.u8() === 2) return undefined;
  return Array.from({ length: rank }, () => message.integer(8));
}
