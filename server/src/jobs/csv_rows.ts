import { type Options, parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import { JobError } from "./errors.js";
import { readRange } from "./input_range.js";
import type { JobInput } from "./plan.js";

/** A record of a CSV file: the number of the line where it begins, and its cells as bytes. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly Buffer[];
}

/** A longer record has a quote too many. */
const LONGEST = 2 ** 24;
const NEWLINE = 10;
const RETURN = 13;

const OPTIONS: Options = {
  // Each character is a byte, so that places are exact and that other bytes than UTF-8 are found, not replaced.
  encoding: "latin1",
  record_delimiter: ["\r\n", "\n"],
  relax_quotes: true,
  relax_column_count: true,
  skip_empty_lines: true,
  max_record_size: LONGEST,
  info: true,
};

/** A record as csv-parse gives it. */
interface Parsed {
  readonly record: readonly string[];
  /** `bytes`: those of the input up to the end of the record. */
  readonly info: { readonly bytes: number };
}

/** The records in the bytes of a shard, which begins with a record. `first` is the number of its first line. */
export function* csvRows(bytes: Buffer, first: number): Generator<CsvRow, void, void> {
  const skipped = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const body = bytes.subarray(skipped);
  const rows = parseSync(body, OPTIONS) as unknown as readonly Parsed[];
  let line = first;
  let at = 0;
  for (const { record, info } of rows) {
    // Empty lines before the record.
    while (body[at] === NEWLINE || (body[at] === RETURN && body[at + 1] === NEWLINE)) {
      if (body[at] === NEWLINE) line++;
      at++;
    }
    yield { line, cells: record.map((cell) => Buffer.from(cell, "latin1")) };
    for (; at < info.bytes; at++) if (body[at] === NEWLINE) line++;
  }
}

/**
 * The ends of all records of a CSV file, in bytes, the first of which is the record of the column names.
 *
 * @throws {JobError} if a quote is never closed
 */
export async function* csvEnds(
  input: JobInput,
): AsyncGenerator<{ end: number; cells: readonly string[] }, void, void> {
  const [start] = await firstBytes(input);
  const skipped = start?.toString("latin1").startsWith("\xef\xbb\xbf") ? 3 : 0;
  const parser = parse(OPTIONS);
  const feed = async (): Promise<void> => {
    for await (const chunk of readRange(input, skipped)) {
      if (!parser.write(chunk)) await new Promise<void>((resume) => parser.once("drain", resume));
      if (parser.destroyed) return;
    }
    parser.end();
  };
  const fed = feed().catch((error: unknown) => parser.destroy(error as Error));
  let records = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      records++;
      yield { end: skipped + info.bytes, cells: record };
    }
    await fed;
  } catch (error) {
    if (!((error as { code?: string }).code ?? "").startsWith("CSV_")) throw error;
    const what = "has a quote that is never closed";
    throw new JobError("input", `${input.path}: record ${records + 1} ${what}`);
  } finally {
    parser.destroy();
  }
}

async function firstBytes(input: JobInput): Promise<Buffer[]> {
  for await (const chunk of readRange(input, 0, 3)) return [chunk];
  return [];
}
