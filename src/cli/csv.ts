/** A line of a file, from 1, without its newline. */
export interface Line {
  readonly line: number;
  readonly text: string;
}

/** A record of a CSV file. */
export interface CsvRecord {
  /** Where it begins: a quoted field may go over several lines. */
  readonly line: number;
  readonly fields: readonly string[];
  /** The line where text follows a closing quote; undefined in a record that is well formed. */
  readonly faultyLine: number | undefined;
}

/** The closing quote from `at` on, where two quotes stand for one; −1 if the line has none. */
function closingQuote(text: string, at: number): number {
  for (let from = at; ; from += 2) {
    from = text.indexOf('"', from);
    if (from < 0 || text[from + 1] !== '"') return from;
  }
}

/** The fields of one record, which is read line by line. */
class Fields {
  readonly all: string[] = [];
  /** The lines so far of a quoted field that has not ended, and where it begins. */
  #open: string[] | undefined;
  openedAt = 0;

  /** Takes a line. `open` asks for the next one; `faulty`: text follows a closing quote. */
  take({ line, text }: Line): "open" | "whole" | "faulty" {
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    for (let at = 0; ; at++) {
      if (this.#open === undefined && text[at] === '"') {
        this.#open = [];
        this.openedAt = line;
        at++;
      }
      if (this.#open === undefined) {
        const comma = text.indexOf(",", at);
        const stop = comma < 0 ? end : comma;
        this.all.push(text.slice(at, stop));
        at = stop;
      } else {
        const quote = closingQuote(text, at);
        this.#open.push(text.slice(at, quote < 0 ? undefined : quote));
        if (quote < 0) return "open";
        this.all.push(this.#open.join("\n").replaceAll('""', '"'));
        this.#open = undefined;
        at = quote + 1;
      }
      if (at >= end) return "whole";
      if (text[at] !== ",") return "faulty";
    }
  }
}

/**
 * The records of a CSV file (RFC 4180): commas between fields, quotes around a field that holds commas, quotes or
 * newlines. A quote in a field that does not begin with one is text: `my 5" screen`. Empty lines are left out.
 *
 * @param longest characters of a record
 * @param unclosed called with the line where a quoted field begins that does not end before that
 */
export async function* csvRecords(
  lines: AsyncIterable<Line>,
  longest: number,
  unclosed: (line: number) => never,
): AsyncGenerator<CsvRecord> {
  let fields = new Fields();
  let begins = 0;
  let held = 0;
  for await (const next of lines) {
    const { line, text } = next;
    if (held === 0) {
      if (text === "" || text === "\r") continue;
      begins = line;
    }
    const state = fields.take(next);
    if (state === "open") {
      held += text.length + 1;
      if (held > longest) unclosed(fields.openedAt);
      continue;
    }
    yield { line: begins, fields: fields.all, faultyLine: state === "faulty" ? line : undefined };
    fields = new Fields();
    held = 0;
  }
  if (held > 0) unclosed(fields.openedAt);
}
