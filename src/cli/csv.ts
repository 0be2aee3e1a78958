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
  // The parser's own line numbers count a CRLF inside quotes twice (7.0.3), its bytes are right. Where the lines begin that
  // no record has reached, without the empty ones:
  const starts: { line: number; start: number }[] = [];
  let read = 0;
  let end = 0;
  const begins = (): number => {
    const next = starts.findIndex(({ start }) => start >= end);
    starts.splice(0, next < 0 ? starts.length : next);
    return starts[0]?.line ?? 0;
  };
  const records: CsvRecord[] = [];
  const parser = parse({
    record_delimiter: ["\r\n", "\n"],
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longest,
    // Called within `write`. Records that the parser kept for a reader would be lost at the first error.
    on_record(fields: string[], { bytes }) {
      records.push({ line: begins(), fields });
      end = bytes;
      return null;
    },
  });
  const closed = finished(parser.resume()).catch((error: unknown) => error);
  for await (const { line, text } of lines) {
    if (text !== "" && text !== "\r") starts.push({ line, start: read });
    read += Buffer.byteLength(text) + 1;
    parser.write(`${text}\n`);
    yield* records.splice(0);
    if (parser.errored !== null) break;
  }
  parser.end();
  const error = await closed;
  yield* records.splice(0);
  if (error !== undefined) unclosed(begins());
}
