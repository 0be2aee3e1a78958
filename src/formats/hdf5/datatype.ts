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
const CLASSES =
  "integer,float,time,string,bits,opaque,compound,reference,enum,variable,array".split(",");
const [FLOAT, STRING, OPAQUE, VARIABLE] = [1, 3, 5, 9];

/** A datatype as far as it is read; or the reason why it is not. */
export type Datatype =
  | { readonly kind: "float"; readonly dtype: FloatType }
  | { readonly kind: "opaque" | "string" | "text"; readonly size: number }
  | { readonly kind: "other"; readonly found: string };

/** Reads a datatype message. */
export function readDatatype(message: Cursor): Datatype {
  const kind = message.u8() & 15;
  const [bits, sign] = [message.u8(), message.u8()];
  message.skip(1);
  const size = message.u32();
  if (kind === OPAQUE) return { kind: "opaque", size };
  if (kind === STRING) return { kind: "string", size };
  // A string whose length and address stand in place of its characters.
  if (kind === VARIABLE && (bits & 15) === 1) return { kind: "text", size };
  if (kind !== FLOAT) return { kind: "other", found: CLASSES[kind] ?? `class ${kind}` };
  if ((bits & 0x41) !== 0) return { kind: "other", found: "floats that are not little-endian" };
  const offset = message.u16();
  const precision = message.u16();
  const fields = [message.u8(), message.u8(), message.u8(), message.u8(), message.u32(), sign];
  const dtype = FLOATS[[precision, ...fields].join(" ")];
  const isImplied = ((bits >> 4) & 3) === 2;
  if (dtype === undefined || offset !== 0 || size !== WIDTHS[dtype] || !isImplied) {
    return { kind: "other", found: "another float" };
  }
  return { kind: "float", dtype };
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
