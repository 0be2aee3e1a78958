import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type AtomicFile, readJson, type Written, writeAtomic, writeJson } from "./atomic_file.js";
import { JobError, withFile } from "./errors.js";
import { JsonLines, namesOf } from "./json_results.js";
import { ParquetResults } from "./parquet_results.js";
import { type JobInput, type Plan, type Shard, shardName } from "./plan.js";
import { type Cell, columnsOf, resultsOf } from "./result_columns.js";
import type { Outcome, Scorer } from "./scorer.js";
import { recordsOf } from "./shard_records.js";

/** How much a shard, or several, had. A language model scores tokens, a tagger tags steps. */
export type Counts = {
  /** Sequences without a result. */
  readonly failed: number;
} & (
  | { readonly scored: number; readonly tokens: number }
  | { readonly tagged: number; readonly steps: number }
);

/** What a shard that is done left behind: `parts/NNNNNN.json`, which is written last. */
export type Manifest = Counts & {
  /** The id of the job. */
  readonly job: string;
  readonly shard: number;
  readonly model: string;
  readonly results: Written;
  readonly errors: Written;
};

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

/** A shard, and what does it. */
export interface ShardWork {
  readonly folder: string;
  readonly plan: Plan;
  readonly index: number;
  readonly scorer: Scorer;
}

/** Does a shard, unless it is done. Its manifest tells the others. */
export async function runShard(work: ShardWork, options: ShardOptions = {}): Promise<Manifest> {
  const { folder, plan, index } = work;
  const done = await manifestOf(folder, plan, index);
  if (done !== undefined) return done;
  try {
    return await writeShard(work, options);
  } catch (error) {
    // Another worker may have done it meanwhile, and deleted what this one had begun.
    const other = options.signal?.aborted ? undefined : await manifestOf(folder, plan, index);
    if (other !== undefined) return other;
    throw error;
  }
}

async function writeShard(work: ShardWork, options: ShardOptions): Promise<Manifest> {
  const { folder, plan, index } = work;
  const paths = partsOf(folder, plan, index);
  const { result, written } = await writeAtomic([paths.results, paths.errors], (files) =>
    compute(work, files, options),
  );
  const [results, errors] = written as [Written, Written];
  const { sha256: model } = plan.model;
  const manifest: Manifest = { job: plan.id, shard: index, model, ...result, results, errors };
  await writeJson(paths.manifest, manifest);
  return manifest;
}

async function compute(
  { plan, index, scorer }: ShardWork,
  files: readonly AtomicFile[],
  { signal, onProgress }: ShardOptions,
): Promise<Counts> {
  const shard = plan.shards[index] as Shard;
  const input = plan.inputs[shard.input] as JobInput;
  await checkInput(input);
  const [results, errors] = files as readonly [AtomicFile, AtomicFile];
  const writer = writerOf(results, plan);
  const passed = plan.fields.map(({ name }) => name);
  const failures = new JsonLines(errors, ["file", "line", ...passed, "reason"]);
  const sum = new Sum();
  for await (const outcome of scorer.outcomes(recordsOf(plan, shard), signal)) {
    sum.add(outcome);
    const { line, fields = [], rows } = outcome.record;
    if ("reason" in outcome) {
      await failures.add([input.name, line, ...fields, outcome.reason]);
    } else {
      for (const cells of resultsOf(plan, input.name, outcome)) await writer.add(cells);
    }
    const last = rows?.at(-1)?.line ?? line;
    onProgress?.(Math.min((last - shard.line + 1) / shard.lines, 1));
  }
  await writer.end();
  await failures.end();
  return sum.counts(plan);
}

function writerOf(
  file: AtomicFile,
  plan: Plan,
): { add(cells: readonly Cell[]): Promise<void>; end(): Promise<void> } {
  const columns = columnsOf(plan);
  if (plan.output === "parquet") return new ParquetResults(file, columns);
  return new JsonLines(file, namesOf(columns));
}

/** Counts of outcomes. */
class Sum {
  #done = 0;
  #failed = 0;
  #steps = 0;

  add(outcome: Outcome): void {
    if ("reason" in outcome) {
      this.#failed++;
      return;
    }
    this.#done++;
    this.#steps += "score" in outcome ? outcome.score.tokens : outcome.steps;
  }

  counts({ model }: Plan): Counts {
    const [done, failed, steps] = [this.#done, this.#failed, this.#steps];
    if (model.tagger !== undefined) return { tagged: done, failed, steps };
    return { scored: done, failed, tokens: steps };
  }
}

/** @throws {JobError} unless the file is the one for which the plan was made */
async function checkInput({ path, size, changed }: JobInput): Promise<void> {
  const found = await withFile(path, () => stat(path));
  if (found.size === size && found.mtimeMs === changed) return;
  const what = "the file is no longer the one for which the plan was made";
  throw new JobError("input-changed", `${path}: ${what}: start a new job`);
}
