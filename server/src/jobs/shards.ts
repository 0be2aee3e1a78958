import { groupOf } from "./csv_records.js";
import { csvRows, WHOLE } from "./csv_rows.js";
import { JobError } from "./errors.js";
import { readRange } from "./input_range.js";
import type { Outline } from "./outline.js";
import { ParquetFile } from "./parquet_file.js";
import { groupIn } from "./parquet_records.js";
import type { CsvColumns, JobInput, Shard, TableReading } from "./plan.js";
import { SequenceStarts } from "./table_sequences.js";

/** Each shard is a job in Redis, so a plan has no more than these. */
const MOST_SHARDS = 20_000;
const NEWLINE = 10;

/** Divides the inputs. Reads each of them once, of a Parquet file what it says about itself. */
export async function shardsOf(outline: Outline): Promise<Shard[]> {
  const { inputs, shardBytes } = outline;
  const shards: Shard[] = [];
  for (const [i, input] of inputs.entries()) {
    for await (const place of placesOf(input, outline)) {
      shards.push({ input: i, ...place });
      if (shards.length > MOST_SHARDS) {
        const what = `expected at most ${MOST_SHARDS} shards`;
        throw new JobError(
          "usage",
          `--shard-bytes: ${what}: pass a larger number than ${shardBytes}`,
        );
      }
    }
  }
  return shards;
}

type Place = Omit<Shard, "input">;

function placesOf(input: JobInput, { table, shardBytes }: Outline): AsyncGenerator<Place> {
  if (input.format === "csv") return csvPlaces(input, table, shardBytes);
  if (input.format === "parquet") {
    return parquetPlaces(input, input.isTable ? table : undefined, shardBytes);
  }
  return linePlaces(input, shardBytes);
}

/** Cuts after the first line that ends `bytes` or more behind the last cut. */
async function* linePlaces(input: JobInput, bytes: number): AsyncGenerator<Place> {
  let [from, line, at, lines, end] = [0, 1, 0, 0, 0];
  for await (const chunk of readRange(input)) {
    for (let i = chunk.indexOf(NEWLINE); i >= 0; i = chunk.indexOf(NEWLINE, i + 1)) {
      lines++;
      end = at + i + 1;
      if (end - from < bytes) continue;
      yield { from, to: end, line, lines: lines + 1 - line };
      [from, line] = [end, lines + 1];
    }
    at += chunk.length;
  }
  // The last line may lack its newline.
  if (at > end) lines++;
  if (at > from) yield { from, to: at, line, lines: lines + 1 - line };
}

/** Cuts where a record, of a table a sequence, ends `bytes` or more behind the last cut. */
async function* csvPlaces(
  input: JobInput,
  table: TableReading | undefined,
  bytes: number,
): AsyncGenerator<Place> {
  const begins = beginsOf(table);
  let [from, line, end, next] = [0, 1, 0, 1];
  for await (const row of csvRows(input, WHOLE)) {
    // The first record names the columns.
    const isBody = end > 0;
    const isStart = isBody && begins(groupOf(row, input.csv as CsvColumns));
    if (isStart && end - from >= bytes) {
      yield { from, to: end, line, lines: next - line };
      [from, line] = [end, next];
    }
    [end, next] = [row.end, row.next];
  }
  if (end > from) yield { from, to: end, line, lines: next - line };
}

/** Whether a shard may begin with a row. The sequence of a row without a group is known from the rows before it only. */
function beginsOf(table: TableReading | undefined): (group: string | undefined) => boolean {
  if (table === undefined) return () => true;
  const starts = new SequenceStarts(table);
  return (group) => starts.next(group) && (table.group === undefined || group !== undefined);
}

/** Joins small row groups and divides large ones. */
async function* parquetPlaces(
  input: JobInput,
  table: TableReading | undefined,
  bytes: number,
): AsyncGenerator<Place> {
  const file = await ParquetFile.open(input.path);
  const rows = file.groups.reduce((sum, count) => sum + count, 0);
  const each = Math.max(Math.floor((rows * bytes) / input.size), 1);
  if (table !== undefined) {
    yield* tablePlaces(file, table, each);
    return;
  }
  let [from, to] = [0, 0];
  for (const count of file.groups) {
    if (to > from && to + count - from > each) {
      yield rowsOf(from, to);
      from = to;
    }
    const end = to + count;
    for (; end - from > each; from += each) yield rowsOf(from, from + each);
    to = end;
  }
  if (to > from) yield rowsOf(from, to);
}

/** Cuts where a sequence ends `each` rows or more behind the last cut. */
async function* tablePlaces(
  file: ParquetFile,
  table: TableReading,
  each: number,
): AsyncGenerator<Place> {
  const { group } = table;
  const begins = beginsOf(table);
  let [from, to] = [0, 0];
  const cut = (key: string | undefined): Place | undefined => {
    const place = begins(key) && to - from >= each ? rowsOf(from, to) : undefined;
    if (place !== undefined) from = to;
    to++;
    return place;
  };
  if (group === undefined) {
    // Windows are counted, not read.
    for (const count of file.groups) {
      for (let i = 0; i < count; i++) {
        const place = cut(undefined);
        if (place !== undefined) yield place;
      }
    }
  } else {
    for await (const rows of file.rows([group])) {
      for (const row of rows) {
        const place = cut(groupIn(row, group));
        if (place !== undefined) yield place;
      }
    }
  }
  if (to > from) yield rowsOf(from, to);
}

const rowsOf = (from: number, to: number): Place => ({
  from,
  to,
  line: from + 1,
  lines: to - from,
});
