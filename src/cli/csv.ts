import { finished } from "node:stream/promises";
import { parse } from "csv-parse";

/** A line of a file, from 1, without its newline. */
export interface Line {
  readonly line: number;
  readonly text: string;
}

/** A record of a CSV file, and the line where it begins: a quoted field may go over several. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Where lines begin in the bytes that the parser reads, for lines that are not empty. */
class LineStarts {
  #waiting: { readonly line: number; readonly start: number }[] = [];
  #next = 0;
  #bytes = 0;

  add({ line, text }: Line): void {
    if (text !== "" && text !== "\r") this.#waiting.push({ line, start: this.#bytes });
    this.#bytes += Buffer.byteLength(text) + 1;
  }

  /** The first line that begins at byte `from` or after it. */
  lineFrom(from: number): number {
    while ((this.#waiting[this.#next]?.start ?? from) < from) this.#next++;
    if (this.#next > 1000) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    return this.#waiting[this.#next]?.line ?? 0;
  }
}

/**
 * The records of a CSV file. A quote in a field that does not begin with one is text: `my 5" screen`. Empty lines are left
 * out.
 *
 * @param longest characters of a record
 * @param unclosed called with the first line of a record that has a quote too many and exceeds that, or the file
 */
export async function* csvRecords(
  lines: AsyncIterable<Line>,
  longest: number,
  unclosed: (line: number) => never,
): AsyncGenerator<CsvRecord> {
  const starts = new LineStarts();
  const records: CsvRecord[] = [];
  // The parser's own line numbers count a CRLF inside quotes twice (7.0.3), its bytes are right.
  let end = 0;
  const parser = parse({
    record_delimiter: ["\r\n", "\n"],
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longest,
    // Called within `write`. Records that the parser kept for a reader would be lost at the first error.
    on_record(fields: string[], { bytes }) {
      records.push({ line: starts.lineFrom(end), fields });
      end = bytes;
      return null;
    },
  });
  const closed = finished(parser.resume()).catch((error: unknown) => error);
  for await (const each of lines) {
    starts.add(each);
    parser.write(`${each.text}\n`);
    yield* records.splice(0);
    if (parser.errored !== null) break;
  }
  parser.end();
  const error = await closed;
  yield* records.splice(0);
  if (error !== undefined) unclosed(starts.lineFrom(end));
}
