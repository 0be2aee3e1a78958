import { type CsvRow, cellText, csvRows } from "./csv_rows.js";
import type { CsvColumns, JobInput, JobSpec, Shard } from "./plan.js";
import { type InputRecord, NOT_UTF8, recordOf } from "./records.js";
import { sequencesOf, type TableRow } from "./table_sequences.js";

/** A number as CSV files have it. */
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

/** The records in a shard of CSV. */
export async function* csvRecords(
  { table, fields }: Pick<JobSpec, "table" | "fields">,
  input: JobInput,
  shard: Shard,
): AsyncGenerator<InputRecord, void, void> {
  const columns = input.csv as CsvColumns;
  const read = { columns, hasFields: fields.length > 0 };
  if (table !== undefined) {
    yield* sequencesOf(tableRows(input, shard, { ...read, names: table.features }), table, "line");
    return;
  }
  for await (const row of bodyRows(input, shard)) {
    yield recordOf(placeOf(row, read), () => {
      checkCount(row, columns);
      return textIn(row.cells[columns.values[0] as number] as string);
    });
  }
}

/** The records of a shard without that of the column names, which is the first one of the file. */
async function* bodyRows(input: JobInput, shard: Shard): AsyncGenerator<CsvRow, void, void> {
  let isHead = shard.from === 0;
  for await (const row of csvRows(input, shard)) {
    if (!isHead) yield row;
    isHead = false;
  }
}

interface Reading {
  readonly columns: CsvColumns;
  readonly hasFields: boolean;
}

async function* tableRows(
  input: JobInput,
  shard: Shard,
  { names, ...read }: Reading & { readonly names: readonly string[] },
): AsyncGenerator<TableRow, void, void> {
  const { columns } = read;
  for await (const row of bodyRows(input, shard)) {
    yield {
      ...placeOf(row, read),
      group: groupOf(row, columns),
      step: stepOf(row, columns, names),
    };
  }
}

/** The value by which rows are grouped; undefined of a record of another length. */
export function groupOf({ cells }: CsvRow, { group, count }: CsvColumns): string | undefined {
  return group === undefined || cells.length !== count ? undefined : cells[group];
}

/** The numbers of a row, or the reason why it has none. */
function stepOf(row: CsvRow, columns: CsvColumns, names: readonly string[]): Float64Array | string {
  try {
    checkCount(row, columns);
    return Float64Array.from(columns.values, (column, i) => {
      const cell = row.cells[column] as string;
      const number = NUMBER.test(cell) ? Number(cell) : Number.NaN;
      if (Number.isFinite(number)) return number;
      const got = cell === "" ? "an empty field" : JSON.stringify(textIn(cell).slice(0, 40));
      throw new Error(`column "${names[i]}": expected a finite number, got ${got}`);
    });
  } catch (error) {
    return (error as Error).message;
  }
}

/** The line of a record, and its fields that are passed through: null where they cannot be read. */
function placeOf({ line, cells }: CsvRow, { columns, hasFields }: Reading) {
  if (!hasFields) return { line };
  const isWhole = cells.length === columns.count;
  const value = (column: number): string | null =>
    (isWhole ? cellText(cells[column] as string) : undefined) ?? null;
  return { line, fields: columns.fields.map(value) };
}

function checkCount({ cells }: CsvRow, { count }: CsvColumns): void {
  if (cells.length === count) return;
  const fields = count === 1 ? "1 field" : `${count} fields`;
  throw new Error(`expected ${fields}, as many as the first record has, got ${cells.length}`);
}

function textIn(cell: string): string {
  const text = cellText(cell);
  if (text === undefined) throw new Error(NOT_UTF8);
  return text;
}
