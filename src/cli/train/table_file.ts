import { parse } from "csv-parse/sync";
import type { Columns } from "../../train.js";
import { InputError, printable } from "../faults.js";
import { readText } from "./text_file.js";

/** A CSV file in memory. */
export interface Table {
  readonly columns: Columns;
  readonly rows: number;
  /** Columns that hold a text somewhere, and an example. */
  readonly texts: ReadonlyMap<string, string>;
  readonly sha256: string;
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** An error of csv-parse. */
interface CsvFault {
  readonly code: string;
  readonly message: string;
  readonly lines?: number;
  readonly record?: readonly string[];
}

/** The records of a CSV file, without its empty lines. */
function records(file: string, text: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, relax_quotes: true });
  } catch (error) {
    const { code, message, lines, record } = error as CsvFault;
    const place = `${file}${lines === undefined ? "" : `:${lines}`}`;
    const [, expected] = /expect (\d+)/.exec(message) ?? [];
    if (code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH" && record !== undefined) {
      const fields = `${expected} ${expected === "1" ? "field" : "fields"}, as many as the first line has`;
      throw new InputError(`${place}: expected ${fields}, got ${record.length}`);
    }
    if (code === "CSV_QUOTE_NOT_CLOSED") {
      throw new InputError(
        `${place}: the record that begins here has a quote that is never closed`,
      );
    }
    throw new InputError(`${place}: ${message}`);
  }
}

/** Reads a CSV file: the first record names the columns; a column whose fields are all numbers is one of numbers. */
export async function readTable(file: string): Promise<Table> {
  const { text, sha256 } = await readText(file);
  const [names, ...rows] = records(file, text);
  if (names === undefined || rows.length === 0) {
    throw new InputError(`${file}: expected the names of columns and at least one row, got none`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError(`${file}: column ${printable(twice)} occurs twice`);
  const texts = new Map<string, string>();
  const columns: Record<string, Float64Array | string[]> = {};
  names.forEach((name, j) => {
    const fields = rows.map((row) => row[j] ?? "");
    const text = fields.find((field) => !NUMBER.test(field));
    if (text === undefined) columns[name] = Float64Array.from(fields, Number);
    else {
      columns[name] = fields;
      texts.set(name, text);
    }
  });
  return { columns, rows: rows.length, texts, sha256 };
}
