import { type FieldValue, fieldsOf } from "./fields.js";
import { readRange } from "./input_range.js";
import type { JobInput, JobSpec, Shard } from "./plan.js";
import {
  type InputRecord,
  LONGEST,
  NOT_UTF8,
  recordOf,
  rowsIn,
  type Sequence,
  textOf,
  tokensIn,
} from "./records.js";

const NEWLINE = 10;

/** A line without its newline. */
interface Line {
  readonly line: number;
  /** Undefined if there are too many to hold. */
  readonly bytes: Buffer | undefined;
}

/** The lines in pieces of a text. Holds one line at a time, and nothing of one that is too long. */
async function* linesOf(pieces: AsyncIterable<Buffer>, first: number): AsyncGenerator<Line> {
  let line = first;
  let held: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length > LONGEST) held = [];
    else if (piece.length > 0) held.push(piece);
  };
  const take = (): Line => {
    const [only] = held;
    const whole = held.length === 1 ? only : Buffer.concat(held);
    const taken = { line: line++, bytes: length > LONGEST ? undefined : whole };
    held = [];
    length = 0;
    return taken;
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let to = piece.indexOf(NEWLINE); to >= 0; to = piece.indexOf(NEWLINE, from)) {
      add(piece.subarray(from, to));
      yield take();
      from = to + 1;
    }
    add(piece.subarray(from));
  }
  if (length > 0) yield take();
}

/** Spaces, tabs and carriage returns only. */
const isBlank = (bytes: Buffer): boolean =>
  bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);

/** The records in a shard of text or of JSON lines. */
export async function* lineRecords(
  spec: Pick<JobSpec, "field" | "fields" | "model">,
  input: JobInput,
  { from, to, line: first }: Shard,
): AsyncGenerator<InputRecord, void, void> {
  const isJson = input.format === "jsonl";
  for await (const { line, bytes } of linesOf(readRange(input, from, to), first)) {
    if (isJson && bytes !== undefined && isBlank(bytes)) continue;
    if (isJson) yield jsonRecord(spec, line, bytes);
    else yield recordOf({ line }, () => decode(bytes, line).replace(/\r$/, ""));
  }
}

/** Decodes a line, without the byte order mark of a file. */
function decode(bytes: Buffer | undefined, line: number): string {
  if (bytes === undefined) throw new Error(`expected a line of at most ${LONGEST} bytes`);
  const text = textOf(bytes);
  if (text === undefined) throw new Error(NOT_UTF8);
  return line === 1 ? text.replace(/^\ufeff/, "") : text;
}

function jsonRecord(
  { field, fields, model }: Pick<JobSpec, "field" | "fields" | "model">,
  line: number,
  bytes: Buffer | undefined,
): InputRecord {
  const names = fields.map(({ name }) => name);
  // Those of a line that cannot be read are null.
  let passed: readonly FieldValue[] | undefined =
    names.length === 0 ? undefined : names.map(() => null);
  const record = recordOf({ line }, () => {
    const text = decode(bytes, line);
    const value = jsonIn(text);
    if (names.length > 0) passed = fieldsOf(text, names);
    return sequenceOf(value, field, model.tagger?.width);
  });
  return { ...record, fields: passed };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`expected JSON, got ${JSON.stringify(text.slice(0, 40))}`);
  }
}

/**
 * The sequence of a JSON value, or of a field of a JSON object.
 *
 * @param width the numbers of a step; undefined if steps are tokens
 * @throws {Error} with the reason if there is none
 */
function sequenceOf(value: unknown, field: string, width: number | undefined): Sequence {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject && !Object.hasOwn(value, field)) {
    const names = Object.keys(value).slice(0, 10);
    const known =
      names.length === 0 ? "none" : names.map((name) => JSON.stringify(name)).join(", ");
    throw new Error(`there is no field "${field}"; the fields are ${known}`);
  }
  const found: unknown = isObject ? (value as Record<string, unknown>)[field] : value;
  const place = isObject ? `field "${field}": ` : "";
  return width === undefined ? tokensIn(found, place) : rowsIn(found, width, place);
}
