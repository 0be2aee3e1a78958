import { parse } from "csv-parse/sync";
import type { Columns } from "../../train.js";
import { InputError, printable } from "../faults.js";
import { type Gap, tableColumn } from "./table_column.js";
import { readText } from "./text_file.js";

/** A CSV file in memory. */
export interface Table {
  readonly columns: Columns;
  readonly rows: number;
  /** Columns that hold a text somewhere, and an example. */
  readonly texts: ReadonlyMap<string, string>;
  /** Columns of numbers in which some are missing, or no numbers. */
  readonly gaps: ReadonlyMap<string, Gap>;
  /** Numbers that were filled in, by column. */
  readonly filled: ReadonlyMap<string, number>;
  readonly delimiter: string;
  readonly sha256: string;
}

/** How a CSV file is read. */
export interface TableReading {
  /** What separates fields. Default: a comma if the first line has one, else a semicolon or a tab if it has that. */
  readonly delimiter?: string | undefined;
  /** What a missing number is: that of the row before. Default: a fault of the file. */
  readonly missing?: "previous" | undefined;
}

/** An error of csv-parse. */
interface CsvFault {
  readonly code: string;
  readonly message: string;
  readonly lines?: number;
  readonly record?: readonly string[];
}

function delimiterOf(text: string): string {
  const [first = ""] = /.*/.exec(text) ?? [];
  return [",", ";", "\t"].find((each) => first.includes(each)) ?? ",";
}

/** The records of a CSV file, without its empty lines. */
function records(file: string, text: string, delimiter: string): string[][] {
  try {
    return parse(text, { bom: true, delimiter, skip_empty_lines: true, relax_quotes: true });
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

/** Reads a CSV file: the first record names the columns. */
export async function readTable(
  file: string,
  { delimiter, missing }: TableReading,
): Promise<Table> {
  const { text, sha256 } = await readText(file);
  const separator = delimiter ?? delimiterOf(text);
  const [names, ...rows] = records(file, text, separator);
  if (names === undefined || rows.length === 0) {
    throw new InputError(`${file}: expected the names of columns and at least one row, got none`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError(`${file}: column ${printable(twice)} occurs twice`);
  const texts = new Map<string, string>();
  const gaps = new Map<string, Gap>();
  const filled = new Map<string, number>();
  const columns: Record<string, Columns[string]> = {};
  names.forEach((name, j) => {
    const fields = rows.map((row) => row[j] ?? "");
    const column = tableColumn(fields, missing === "previous");
    columns[name] = column.values;
    if (column.kind === "texts") texts.set(name, column.text);
    else if (column.kind === "gaps") gaps.set(name, column.gap);
    else if (column.filled > 0) filled.set(name, column.filled);
  });
  return { columns, rows: rows.length, texts, gaps, filled, delimiter: separator, sha256 };
}
