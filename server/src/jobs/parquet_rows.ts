import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { JobError } from "./errors.js";
import type { JobInput, Shard } from "./plan.js";
import { type InputRecord, recordOf, type Sequence } from "./records.js";

interface ParquetFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
}

async function openParquet(path: string): Promise<ParquetFile> {
  try {
    const file = await asyncBufferFromFile(path);
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (error) {
    throw new JobError("input", `${path}: expected a Parquet file: ${(error as Error).message}`);
  }
}

/** The numbers of rows in the row groups of a file that has the column `field`. */
export async function rowGroups(path: string, field: string): Promise<number[]> {
  const { metadata } = await openParquet(path);
  const [root, ...others] = metadata.schema;
  const columns = topLevel(others, root?.num_children ?? 0);
  if (!columns.includes(field)) {
    const known = columns
      .slice(0, 10)
      .map((name) => JSON.stringify(name))
      .join(", ");
    const what = `there is no column "${field}"; the columns are ${known}`;
    throw new JobError("input", `${path}: ${what}: choose one with --field`);
  }
  return metadata.row_groups.map(({ num_rows }) => Number(num_rows));
}

/** The names of the columns, without those that are nested in others. */
function topLevel(schema: FileMetaData["schema"], count: number): string[] {
  const names: string[] = [];
  let at = 0;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let i = 0; i < children; i++) skip();
  };
  for (let i = 0; i < count && at < schema.length; i++) {
    names.push((schema[at] as { name: string }).name);
    skip();
  }
  return names;
}

/** The records in the rows of a shard. */
export async function parquetRecords(
  { path }: JobInput,
  { from, to }: Shard,
  field: string,
): Promise<InputRecord[]> {
  const { file, metadata } = await openParquet(path);
  const rows = await parquetReadObjects({
    file,
    metadata,
    columns: [field],
    rowStart: from,
    rowEnd: to,
    compressors,
  });
  return rows.map((row, i) => recordOf(from + i + 1, () => sequenceIn(row[field])));
}

/** Bytes that are not marked as text arrive as text, too; lists hold numbers or bigints. */
function sequenceIn(value: unknown): Sequence {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) throw new Error("expected text in UTF-8, got other bytes");
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const ids = [...(value as Iterable<unknown>)].map((id) =>
      typeof id === "bigint" ? Number(id) : id,
    );
    if (ids.every((id) => Number.isSafeInteger(id))) return ids as number[];
  }
  const kind =
    value === null || value === undefined
      ? "null"
      : Array.isArray(value)
        ? "another list"
        : typeof value;
  throw new Error(`expected a text or a list of ids, got ${kind}`);
}
