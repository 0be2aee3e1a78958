import { csvRows } from "./csv_rows.js";
import type { JobInput, Shard } from "./plan.js";

export type Sequence = string | readonly number[];

/** A record of the input: its sequence, or the reason why it has none. */
export type InputRecord =
  | { readonly line: number; readonly sequence: Sequence }
  | { readonly line: number; readonly reason: string };

/** A line or a CSV record that is longer is no sequence but a mistake. */
export const LONGEST = 2 ** 24;

const NEWLINE = 10;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes; undefined if they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The sequence of a JSON value, or of a field of a JSON object. @throws {Error} with the reason if there is none */
export function sequenceOf(value: unknown, field: string): Sequence {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject && !Object.hasOwn(value, field)) {
    const names = Object.keys(value).slice(0, 10);
    const known =
      names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ");
    throw new Error(`there is no field "${field}"; the fields are ${known}`);
  }
  const found: unknown = isObject ? (value as Record<string, unknown>)[field] : value;
  if (typeof found === "string") return found;
  if (Array.isArray(found) && found.every((id) => Number.isSafeInteger(id))) return found;
  const place = isObject ? `field "${field}": ` : "";
  const kind = found === null ? "null" : Array.isArray(found) ? "another list" : typeof found;
  throw new Error(`${place}expected a text or a list of ids, got ${kind}`);
}

/** The record of a sequence that is read by `read`, or of the reason why it throws. */
export function recordOf(line: number, read: () => Sequence): InputRecord {
  try {
    return { line, sequence: read() };
  } catch (error) {
    return { line, reason: (error as Error).message };
  }
}

/** The records in the bytes of a shard of text, JSON lines or CSV. */
export function* recordsOf(
  bytes: Buffer,
  input: JobInput,
  { line }: Pick<Shard, "line">,
  field: string,
): Generator<InputRecord, void, void> {
  if (input.format === "csv") {
    yield* csvRecords(bytes, input, line);
    return;
  }
  const read = input.format === "jsonl" ? fromJson(field) : fromText;
  for (const [number, piece] of linesOf(bytes, line)) {
    if (input.format === "jsonl" && isBlank(piece)) continue;
    yield recordOf(number, () => read(decode(piece, number)));
  }
}

const fromText = (text: string): Sequence => text.replace(/\r$/, "");

const fromJson =
  (field: string) =>
  (text: string): Sequence => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new Error(`expected JSON, got ${JSON.stringify(text.slice(0, 40))}`);
    }
    return sequenceOf(value, field);
  };

/** Decodes a line, without the byte order mark of a file. */
function decode(bytes: Buffer, line: number): string {
  if (bytes.length > LONGEST) throw new Error(`expected a line of at most ${LONGEST} bytes`);
  const text = textOf(bytes);
  if (text === undefined) throw new Error("expected text in UTF-8, got other bytes");
  return line === 1 ? text.replace(/^\ufeff/, "") : text;
}

/** Spaces, tabs and carriage returns only. */
const isBlank = (bytes: Buffer): boolean =>
  bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);

/** The lines with their numbers, without their newlines. */
function* linesOf(bytes: Buffer, first: number): Generator<[number, Buffer]> {
  let line = first;
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, from);
    const to = found < 0 ? bytes.length : found;
    yield [line++, bytes.subarray(from, to)];
    from = to + 1;
  }
}

function* csvRecords(bytes: Buffer, input: JobInput, first: number): Generator<InputRecord> {
  const [index, count] = input.column as readonly [number, number];
  // The first record of the file names the columns.
  let isHead = first === 1;
  for (const { line, cells } of csvRows(bytes, first)) {
    if (isHead) {
      isHead = false;
      continue;
    }
    yield recordOf(line, () => {
      if (cells.length !== count) {
        const fields = count === 1 ? "1 field" : `${count} fields`;
        throw new Error(`expected ${fields}, as many as the first record has, got ${cells.length}`);
      }
      const text = textOf(cells[index] as Buffer);
      if (text === undefined) throw new Error("expected text in UTF-8, got other bytes");
      return text;
    });
  }
}
