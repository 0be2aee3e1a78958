import { pipeline, Readable } from "node:stream";
import { type Options, parse } from "csv-parse";
import { JobError } from "./errors.js";
import { readRange } from "./input_range.js";
import type { JobInput } from "./plan.js";
import { LONGEST, textOf } from "./records.js";

/** A record of a CSV file. */
export interface CsvRow {
  /** The number of the line where it begins, and of the one after it. */
  readonly line: number;
  readonly next: number;
  /** Where it ends, in bytes of the file. */
  readonly end: number;
  /** Each character stands for a byte. */
  readonly cells: readonly string[];
}

const NEWLINE = 10;
const RETURN = 13;
const MARK = "\xef\xbb\xbf";

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
  /** `bytes`: those that were read up to the end of the record. */
  readonly info: { readonly bytes: number };
}

/** The text of a cell; undefined if its bytes are not UTF-8. */
export const cellText = (cell: string): string | undefined => textOf(Buffer.from(cell, "latin1"));

/** Counts lines in bytes that pass by. */
class LineCounter {
  readonly #pieces: Buffer[] = [];
  /** A place in the first piece. */
  #at = 0;
  /** Bytes that were counted. */
  position = 0;
  line: number;
  /** Whether the last byte that was counted is a newline. */
  #isNew = true;

  constructor(line: number) {
    this.line = line;
  }

  /** Passes pieces on. */
  async *watch(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    for await (const piece of pieces) {
      this.#pieces.push(piece);
      yield piece;
    }
  }

  /** Goes over empty lines. */
  skipEmpty(): void {
    for (;;) {
      const byte = this.#pieces[0]?.[this.#at];
      if (byte !== NEWLINE && byte !== RETURN) return;
      this.advance(this.position + 1);
    }
  }

  /** The line after a record that ends here; the last one may lack its newline. */
  get next(): number {
    return this.#isNew ? this.line : this.line + 1;
  }

  advance(to: number): void {
    while (this.position < to) {
      const piece = this.#pieces[0] as Buffer;
      const part = piece.subarray(this.#at, this.#at + to - this.position);
      for (let i = part.indexOf(NEWLINE); i >= 0; i = part.indexOf(NEWLINE, i + 1)) this.line++;
      this.#isNew = part[part.length - 1] === NEWLINE;
      this.position += part.length;
      this.#at += part.length;
      if (this.#at < piece.length) continue;
      this.#pieces.shift();
      this.#at = 0;
    }
  }
}

/**
 * The records in a range of a CSV file, which begins with a record. Holds a piece of the file at a time.
 *
 * @param line the number of the first line
 * @throws {JobError} if a quote is never closed
 */
export async function* csvRows(
  input: JobInput,
  { from, to, line }: { readonly from: number; readonly to: number; readonly line: number },
): AsyncGenerator<CsvRow, void, void> {
  const start = from === 0 && (await startsWithMark(input)) ? MARK.length : from;
  const counter = new LineCounter(line);
  const parser = parse(OPTIONS);
  // A reader that stops early ends the reading of the file, too.
  const pieces = counter.watch(readRange(input, start, to));
  pipeline(Readable.from(pieces), parser, () => undefined);
  let records = 0;
  try {
    for await (const { record: cells, info } of parser as AsyncIterable<Parsed>) {
      records++;
      counter.skipEmpty();
      const { line: first } = counter;
      counter.advance(info.bytes);
      yield { line: first, next: counter.next, end: start + info.bytes, cells };
    }
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("CSV_")) throw error;
    const what =
      code === "CSV_MAX_RECORD_SIZE"
        ? `is longer than ${LONGEST} bytes: look for a quote that is never closed`
        : "has a quote that is never closed";
    throw new JobError("input", `${input.path}: record ${records + 1} ${what}`);
  } finally {
    parser.destroy();
  }
}

/** All of a file. */
export const WHOLE = { from: 0, to: Number.POSITIVE_INFINITY, line: 1 } as const;

async function startsWithMark(input: JobInput): Promise<boolean> {
  for await (const piece of readRange(input, 0, MARK.length)) {
    return piece.toString("latin1") === MARK;
  }
  return false;
}
