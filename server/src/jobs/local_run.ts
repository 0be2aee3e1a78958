import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readJson, writeJson } from "./atomic_file.js";
import { fileFault, JobError } from "./errors.js";
import { finish, type JobManifest } from "./merge.js";
import { type JobRequest, type Outline, outlineOf } from "./outline.js";
import { type Plan, planOf } from "./plan.js";
import type { Scorer } from "./scorer.js";
import { manifestOf, runShard } from "./shard.js";
import { shardsOf } from "./shards.js";

/** The plan in a folder; undefined if there is none. */
export const planIn = (folder: string): Promise<Plan | undefined> =>
  readJson<Plan>(join(folder, "job.json"));

/**
 * Makes the plan of a job and writes it into its folder. The plan of the same job that stands there already is used again.
 *
 * @throws {JobError} if another job stands there
 */
export async function openPlan(request: JobRequest, merge: boolean): Promise<Plan> {
  const { folder } = request;
  const outline = await outlineOf(request);
  const found = await planIn(folder);
  if (found !== undefined) {
    if (isPlanOf(found, outline, merge)) return found;
    const what = "it holds a job with another model, other inputs or other options";
    throw new JobError("output", `${folder}: ${what}: choose another folder, or delete this one`);
  }
  const plan = planOf({ ...outline, shards: await shardsOf(outline) }, merge);
  try {
    await mkdir(resolve(folder), { recursive: true });
  } catch (error) {
    throw fileFault(folder, error);
  }
  await writeJson(join(folder, "job.json"), plan);
  return plan;
}

function isPlanOf(plan: Plan, outline: Outline, wanted: boolean): boolean {
  const { version, id: _, merge, shards: __, ...found } = plan;
  return version === 1 && merge === wanted && JSON.stringify(found) === JSON.stringify(outline);
}

/** How far a job is. */
export interface JobProgress {
  readonly shards: number;
  readonly shardsDone: number;
  /** Between 0 and 1. */
  readonly share: number;
  /** Seconds; undefined as long as nothing can be said. */
  readonly secondsLeft: number | undefined;
}

export interface LocalOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
}

/** Shards that are at work at a time: while one ends, the next one keeps all workers busy. */
export const SHARDS_AT_ONCE = 2;

/** Does all shards of a job that are not done in this process, and joins them. */
export async function runLocally(
  folder: string,
  plan: Plan,
  scorer: Scorer,
  { signal, onProgress }: LocalOptions = {},
): Promise<JobManifest> {
  const left: number[] = [];
  for (let i = 0; i < plan.shards.length; i++) {
    if ((await manifestOf(folder, plan, i)) === undefined) left.push(i);
  }
  const before = plan.shards.length - left.length;
  const started = performance.now();
  let shardsDone = before;
  // The shares of shards at work.
  const parts = new Map<number, number>();
  const report = (): void => {
    const shards = plan.shards.length;
    const seconds = (performance.now() - started) / 1000;
    const done = shardsDone + [...parts.values()].reduce((sum, part) => sum + part, 0);
    const secondsLeft = done > before ? (seconds * (shards - done)) / (done - before) : undefined;
    onProgress?.({ shards, shardsDone, share: shards === 0 ? 1 : done / shards, secondsLeft });
  };
  // The first failure ends the others, too.
  const failure = new AbortController();
  const ended = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const next = left.values();
  const work = async (): Promise<void> => {
    for (const index of next) {
      ended.throwIfAborted();
      const onPart = (part: number): void => {
        parts.set(index, part);
        report();
      };
      await runShard({ folder, plan, index, scorer }, { signal: ended, onProgress: onPart });
      parts.delete(index);
      shardsDone++;
      report();
    }
  };
  report();
  const all = Array.from({ length: SHARDS_AT_ONCE }, () =>
    work().catch((error: unknown) => {
      failure.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(all);
  if (failure.signal.aborted) throw signal?.aborted ? cancelled() : failure.signal.reason;
  if (results.some(({ status }) => status === "rejected")) throw failure.signal.reason;
  return finish(folder, plan);
}

const cancelled = (): JobError =>
  new JobError("cancelled", "the job was interrupted: the same command continues it");
