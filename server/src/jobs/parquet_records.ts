import { fieldIn } from "./fields.js";
import { ParquetFile, type ParquetRow } from "./parquet_file.js";
import type { JobInput, JobSpec, Shard, TableReading } from "./plan.js";
import {
  type InputRecord,
  kindOf,
  numberIn,
  type Place,
  recordOf,
  rowsIn,
  type Sequence,
  tokensIn,
} from "./records.js";
import { sequencesOf, type TableRow } from "./table_sequences.js";

type Spec = Pick<JobSpec, "field" | "fields" | "model" | "table">;

/** The records in the rows of a shard. */
export async function* parquetRecords(
  spec: Spec,
  input: JobInput,
  shard: Shard,
): AsyncGenerator<InputRecord, void, void> {
  const { field, model, table } = spec;
  if (table !== undefined && input.isTable) {
    yield* sequencesOf(tableRows(spec, table, input, shard), table, "row");
    return;
  }
  for await (const { row, place } of placedRows(spec, [field], input, shard)) {
    yield recordOf(place, () => sequenceIn(row[field], model.tagger?.width));
  }
}

/** The rows of a shard with their numbers and the fields that are passed through. */
async function* placedRows(
  { fields }: Spec,
  columns: readonly string[],
  { path }: JobInput,
  { from, to, line: first }: Shard,
): AsyncGenerator<{ row: ParquetRow; place: Place }> {
  const names = fields.map(({ name }) => name);
  const file = await ParquetFile.open(path);
  let line = first;
  for await (const rows of file.rows([...new Set([...columns, ...names])], from, to)) {
    for (const row of rows) {
      const passed = names.length === 0 ? {} : { fields: names.map((name) => fieldIn(row[name])) };
      yield { row, place: { line: line++, ...passed } };
    }
  }
}

async function* tableRows(
  spec: Spec,
  { features, group }: TableReading,
  input: JobInput,
  shard: Shard,
): AsyncGenerator<TableRow> {
  const columns = group === undefined ? features : [...features, group];
  for await (const { row, place } of placedRows(spec, columns, input, shard)) {
    yield { ...place, group: groupIn(row, group), step: stepIn(row, features) };
  }
}

/** The value by which rows are grouped, as a text. */
export const groupIn = (row: ParquetRow, group: string | undefined): string | undefined =>
  group === undefined ? undefined : `${typeof row[group]} ${String(row[group])}`;

function stepIn(row: ParquetRow, features: readonly string[]): Float64Array | string {
  try {
    return Float64Array.from(features, (name) => numberIn(row[name], `column "${name}": `));
  } catch (error) {
    return (error as Error).message;
  }
}

/** Bytes that are not marked as text arrive as text, too; lists hold numbers or bigints. */
function sequenceIn(value: unknown, width: number | undefined): Sequence {
  if (width !== undefined) return rowsIn(listIn(value), width);
  if (value instanceof Uint8Array) throw new Error("expected text in UTF-8, got other bytes");
  const list = listIn(value);
  if (!Array.isArray(list)) return tokensIn(list);
  const ids = list.map((id: unknown) => (typeof id === "bigint" ? Number(id) : id));
  if (ids.every((id) => Number.isSafeInteger(id))) return ids as number[];
  throw new Error(`expected a text or a list of ids, got ${kindOf(ids)}`);
}

/** A typed array as a list. */
const listIn = (value: unknown): unknown =>
  ArrayBuffer.isView(value) ? [...(value as unknown as Iterable<unknown>)] : value;
