import type { Tensor } from "recurra";
import type { FieldValue } from "./fields.js";

/** A text, ids of tokens, or rows of numbers (T, nx). */
export type Sequence = string | readonly number[] | Tensor;

/** A line or row, and its fields that are passed through; undefined if none are. */
export interface Place {
  readonly line: number;
  readonly fields?: readonly FieldValue[] | undefined;
}

/** A record of the input: its sequence, or the reason why it has none. */
export type InputRecord = Place & {
  /** Of a sequence that is made of several rows of a table: each of them. */
  readonly rows?: readonly Place[];
} & ({ readonly sequence: Sequence } | { readonly reason: string });

/** A line or a record that is longer is no sequence but a mistake. */
export const LONGEST = 2 ** 24;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes; undefined if they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export const NOT_UTF8 = "expected text in UTF-8, got other bytes";

/** The record of a sequence that is read by `read`, or of the reason why it throws. */
export function recordOf(place: Place, read: () => Sequence): InputRecord {
  try {
    return { ...place, sequence: read() };
  } catch (error) {
    return { ...place, reason: (error as Error).message };
  }
}

/** The kind of a value in words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "another list" : typeof value;
}

/** A text or a list of ids. @throws {Error} with the reason if it is neither */
export function tokensIn(value: unknown, place = ""): string | readonly number[] {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((id) => Number.isSafeInteger(id))) return value;
  throw new Error(`${place}expected a text or a list of ids, got ${kindOf(value)}`);
}

/** Rows of `width` numbers, one a step. @throws {Error} with the reason if a value is something else */
export function rowsIn(value: unknown, width: number, place = ""): Tensor {
  const expected = `expected a list of rows, ${width} numbers each`;
  if (!Array.isArray(value)) throw new Error(`${place}${expected}, got ${kindOf(value)}`);
  const data = new Float64Array(value.length * width);
  value.forEach((row: unknown, t) => {
    const isList = Array.isArray(row) || ArrayBuffer.isView(row);
    const numbers = isList ? [...(row as Iterable<unknown>)] : [];
    if (numbers.length !== width) {
      const got = isList ? String(numbers.length) : kindOf(row);
      throw new Error(`${place}row ${t + 1}: expected ${width} numbers, got ${got}`);
    }
    numbers.forEach((each, i) => {
      data[t * width + i] = numberIn(each, `${place}row ${t + 1}, number ${i + 1}: `);
    });
  });
  return { shape: [value.length, width], data };
}

/** A finite number. Parquet's integers of 64 bits come as bigints. */
export function numberIn(value: unknown, place: string): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  const got = typeof number === "string" ? JSON.stringify(number.slice(0, 40)) : String(value);
  throw new Error(`${place}expected a finite number, got ${got}`);
}
