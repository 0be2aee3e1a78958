import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type AtomicFile, readJson, type Written, writeAtomic, writeJson } from "./atomic_file.js";
import { JobError } from "./errors.js";
import { readWhole } from "./input_range.js";
import { parquetRecords } from "./parquet_rows.js";
import { type JobInput, type Plan, type Shard, shardName } from "./plan.js";
import { type InputRecord, recordsOf } from "./records.js";
import { JsonLines, resultWriter } from "./result_file.js";
import type { Scorer } from "./scorer.js";

/** How much a shard, or several, had. */
export interface Counts {
  /** Records with a score. */
  readonly scored: number;
  /** Records without one. */
  readonly failed: number;
  /** Tokens that were scored. */
  readonly tokens: number;
}

/** What a shard that is done left behind: `parts/NNNNNN.json`, which is written last. */
export interface Manifest extends Counts {
  /** The id of the job. */
  readonly job: string;
  readonly shard: number;
  readonly model: string;
  readonly results: Written;
  readonly errors: Written;
}

/** The files of a shard in the folder of its job. */
export function partsOf(folder: string, plan: Pick<Plan, "output">, index: number) {
  const path = (end: string): string => join(folder, "parts", `${shardName(index)}.${end}`);
  return { results: path(plan.output), errors: path("errors.jsonl"), manifest: path("json") };
}

/** The manifest of a shard that is done, undefined of one that is not. */
export async function manifestOf(
  folder: string,
  plan: Plan,
  index: number,
): Promise<Manifest | undefined> {
  const { results, errors, manifest } = partsOf(folder, plan, index);
  const found = await readJson<Manifest>(manifest);
  if (found === undefined || found.job !== plan.id) return undefined;
  const sizes = await Promise.all([results, errors].map(sizeOf));
  return sizes[0] === found.results.bytes && sizes[1] === found.errors.bytes ? found : undefined;
}

const sizeOf = async (path: string): Promise<number | undefined> =>
  (await stat(path).catch(() => undefined))?.size;

export interface ShardOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for each record with the share of the shard that is done, 0 … 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** Does a shard, unless it is done. Its manifest tells the others. */
export async function runShard(
  folder: string,
  plan: Plan,
  index: number,
  scorer: Scorer,
  options: ShardOptions = {},
): Promise<Manifest> {
  const done = await manifestOf(folder, plan, index);
  if (done !== undefined) return done;
  const paths = partsOf(folder, plan, index);
  const { result, written } = await writeAtomic([paths.results, paths.errors], (files) =>
    compute(plan, index, scorer, files, options),
  );
  const [results, errors] = written as [Written, Written];
  const { sha256: model } = plan.model;
  const manifest: Manifest = { job: plan.id, shard: index, model, ...result, results, errors };
  await writeJson(paths.manifest, manifest);
  return manifest;
}

async function compute(
  plan: Plan,
  index: number,
  scorer: Scorer,
  files: readonly AtomicFile[],
  { signal, onProgress }: ShardOptions,
): Promise<Counts> {
  const { input, shard, records } = await readShard(plan, index);
  const [results, errors] = files as readonly [AtomicFile, AtomicFile];
  const writer = resultWriter(results, plan.output, plan.perToken);
  const failures = new JsonLines(errors);
  let [scored, failed, tokens] = [0, 0, 0];
  for await (const outcome of scorer.outcomes(records, signal)) {
    const { line } = outcome;
    if ("score" in outcome) {
      scored++;
      tokens += outcome.score.tokens;
      await writer.add({ file: input.name, line, score: outcome.score });
    } else {
      failed++;
      await failures.add({ file: input.name, line, reason: outcome.reason });
    }
    onProgress?.(Math.min((line - shard.line + 1) / shard.lines, 1));
  }
  await writer.end();
  await failures.end();
  return { scored, failed, tokens };
}

async function readShard(
  plan: Plan,
  index: number,
): Promise<{ input: JobInput; shard: Shard; records: Iterable<InputRecord> }> {
  const shard = plan.shards[index] as Shard;
  const input = plan.inputs[shard.input] as JobInput;
  const found = await stat(input.path).catch(() => undefined);
  if (found?.size !== input.size || found.mtimeMs !== input.changed) {
    const what = "the file is no longer the one for which the plan was made";
    throw new JobError("input-changed", `${input.path}: ${what}: start a new job`);
  }
  if (input.format === "parquet") {
    return { input, shard, records: await parquetRecords(input, shard, plan.field) };
  }
  const bytes = await readWhole(input, shard.from, shard.to);
  return { input, shard, records: recordsOf(bytes, input, shard, plan.field) };
}
