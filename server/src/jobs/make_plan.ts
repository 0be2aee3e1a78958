import { stat } from "node:fs/promises";
import { basename, relative, resolve, sep } from "node:path";
import { glob } from "tinyglobby";
import { csvEnds } from "./csv_rows.js";
import { JobError, withFile } from "./errors.js";
import { isGzipFile, readRange } from "./input_range.js";
import { rowGroups } from "./parquet_rows.js";
import type { InputFormat, JobInput, JobModel, JobSpec, OutputFormat, Shard } from "./plan.js";

/** What a user asks for. */
export interface JobRequest {
  readonly model: JobModel;
  /** Paths and patterns of files. */
  readonly inputs: readonly string[];
  /** The output folder, whose files are no inputs. */
  readonly folder: string;
  /** Without it: by the names of the files. */
  readonly format?: InputFormat | undefined;
  readonly field?: string | undefined;
  readonly perToken: boolean;
  readonly output: OutputFormat;
  readonly shardBytes?: number | undefined;
}

/** Each shard is a job in Redis, so a plan has no more than these. */
const MOST_SHARDS = 20_000;
/** Shards of one input, when nobody says how large they are. */
const USUAL_SHARDS = 10_000;
export const [LEAST_BYTES, MOST_BYTES] = [2 ** 20, 2 ** 26];
const NEWLINE = 10;

/** What a job is, without the scan of its inputs that finds the shards. */
export type Outline = Omit<JobSpec, "shards">;

/** Finds the inputs and decides everything but the shards. */
export async function outlineOf(request: JobRequest): Promise<Outline> {
  const { model, perToken, output } = request;
  const inputs: JobInput[] = [];
  let field = request.field;
  for (const name of await matching(request)) {
    const input = await inputOf(name, request.format);
    if (input.format === "csv") {
      const [column, index, count] = await csvColumn(input, field);
      field ??= column === "text" ? undefined : column;
      inputs.push({ ...input, column: [index, count] });
    } else inputs.push(input);
  }
  const total = inputs.reduce((sum, { size }) => sum + size, 0);
  const usual = Math.min(Math.max(Math.ceil(total / USUAL_SHARDS), LEAST_BYTES), MOST_BYTES);
  const { shardBytes = usual } = request;
  return { model, inputs, field: field ?? "text", perToken, output, shardBytes };
}

/** The names of the files, in order. */
async function matching({ inputs, folder }: JobRequest): Promise<string[]> {
  const found = new Set<string>();
  const inside = `${resolve(folder)}${sep}`;
  for (const pattern of inputs) {
    const isFile = (await stat(pattern).catch(() => undefined))?.isFile() === true;
    const names = isFile ? [pattern] : (await glob(pattern, { expandDirectories: false })).sort();
    const outside = names.filter((name) => !resolve(name).startsWith(inside));
    if (outside.length === 0) throw new JobError("input", `--input: no file matches ${pattern}`);
    for (const name of outside) found.add(name);
  }
  return [...found];
}

function formatOf(name: string): InputFormat {
  const [, extension = ""] =
    /\.(\w+)$/.exec(basename(name).toLowerCase().replace(/\.gz$/, "")) ?? [];
  if (extension === "jsonl" || extension === "ndjson") return "jsonl";
  return extension === "csv" || extension === "parquet" ? extension : "text";
}

async function inputOf(name: string, format = formatOf(name)): Promise<JobInput> {
  const path = resolve(name);
  return withFile(name, async () => {
    const { size, mtimeMs } = await stat(path);
    const isGzip = format !== "parquet" && (await isGzipFile(path));
    const place = relative(process.cwd(), path).split(sep).join("/");
    return { path, name: place, format, isGzip, size, changed: mtimeMs };
  });
}

/** The column of the sequence: its name, its place, and the number of columns. */
async function csvColumn(
  input: JobInput,
  field: string | undefined,
): Promise<[string, number, number]> {
  for await (const { cells } of csvEnds(input)) {
    const names = cells.map((cell) => Buffer.from(cell, "latin1").toString("utf8"));
    const wanted = field ?? (names.length === 1 ? (names[0] as string) : "text");
    const index = names.indexOf(wanted);
    if (index >= 0) return [wanted, index, names.length];
    const known = names
      .slice(0, 10)
      .map((each) => JSON.stringify(each))
      .join(", ");
    const what = `there is no column "${wanted}"; the columns are ${known}`;
    throw new JobError("input", `${input.name}: ${what}: choose one with --field`);
  }
  throw new JobError("input", `${input.name}: expected a record with the names of the columns`);
}

/** Divides the inputs. Reads each of them once. */
export async function shardsOf({ inputs, field, shardBytes }: Outline): Promise<Shard[]> {
  const shards: Shard[] = [];
  for (const [i, input] of inputs.entries()) {
    const places = placesOf(input, field, shardBytes);
    for await (const place of places) {
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

function placesOf(input: JobInput, field: string, bytes: number): AsyncGenerator<Place> {
  if (input.format === "parquet") return parquetPlaces(input, field, bytes);
  return input.format === "csv" ? csvPlaces(input, bytes) : linePlaces(input, bytes);
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
    if (at - from > 2 * MOST_BYTES + bytes) {
      const what = `expected lines of at most ${MOST_BYTES} bytes`;
      throw new JobError("input", `${input.name}:${lines + 1}: ${what}`);
    }
  }
  // The last line may lack its newline.
  if (at > end) lines++;
  if (at > from) yield { from, to: at, line, lines: lines + 1 - line };
}

async function* csvPlaces(input: JobInput, bytes: number): AsyncGenerator<Place> {
  const cuts: number[] = [];
  let [from, last] = [0, 0];
  for await (const { end } of csvEnds(input)) {
    last = end;
    if (end - from < bytes) continue;
    cuts.push(end);
    from = end;
  }
  if (last > from) cuts.push(last);
  from = 0;
  let line = 1;
  for (const [to, lines] of await newlinesBefore(input, cuts)) {
    yield { from, to, line, lines: lines + 1 - line };
    [from, line] = [to, lines + 1];
  }
}

/** How many newlines stand before each of some places, which ascend. */
async function newlinesBefore(
  input: JobInput,
  places: readonly number[],
): Promise<[number, number][]> {
  const counts: [number, number][] = [];
  let [lines, at] = [0, 0];
  for await (const chunk of readRange(input)) {
    let from = 0;
    for (let next = places[counts.length]; next !== undefined; next = places[counts.length]) {
      if (next > at + chunk.length) break;
      lines += newlines(chunk.subarray(from, next - at));
      from = next - at;
      counts.push([next, lines]);
    }
    lines += newlines(chunk.subarray(from));
    at += chunk.length;
  }
  return counts;
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let i = bytes.indexOf(NEWLINE); i >= 0; i = bytes.indexOf(NEWLINE, i + 1)) count++;
  return count;
}

/** Joins small row groups and divides large ones. */
async function* parquetPlaces(
  input: JobInput,
  field: string,
  bytes: number,
): AsyncGenerator<Place> {
  const groups = await rowGroups(input.path, field);
  const rows = groups.reduce((sum, count) => sum + count, 0);
  const each = Math.max(Math.floor((rows * bytes) / input.size), 1);
  let [from, to] = [0, 0];
  for (const count of groups) {
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

const rowsOf = (from: number, to: number): Place => ({
  from,
  to,
  line: from + 1,
  lines: to - from,
});
