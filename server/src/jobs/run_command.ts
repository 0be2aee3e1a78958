import { once } from "node:events";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { RunOptions } from "./command_options.js";
import { JobError } from "./errors.js";
import { type JobProgress, planIn, runLocally } from "./local_run.js";
import { type JobManifest, jobManifest } from "./merge.js";
import { type OpenJob, openJob } from "./open_job.js";
import type { Plan } from "./plan.js";
import { ProgressLine } from "./progress_line.js";
import type { JobQueue } from "./queue.js";
import { withQueue, workerOptions } from "./queue_command.js";
import { Scorer } from "./scorer.js";
import { JobWorker } from "./worker.js";

/** How often `run --redis` asks how far the job is: milliseconds. */
const POLL = 500;
/** Exit codes after a signal. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** `job run`. */
export async function runJob(options: RunOptions): Promise<void> {
  const job = await openJob(options);
  const line = new ProgressLine(options.quiet === true);
  const interruption = new AbortController();
  const interrupt = (name: keyof typeof SIGNALS): void => {
    process.exitCode = SIGNALS[name];
    interruption.abort();
  };
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const run = options.redis === undefined ? runHere : runByRedis;
    const manifest =
      (await jobManifest(job.folder, job.plan)) ??
      (await run({ ...job, options, line, signal: interruption.signal }));
    line.end();
    process.stdout.write(`${JSON.stringify(manifest)}\n`);
    warnOfFailed(manifest, job.folder);
  } finally {
    line.end();
    process.removeListener("SIGINT", interrupt).removeListener("SIGTERM", interrupt);
  }
}

function warnOfFailed({ failed, ...counts }: JobManifest, folder: string): void {
  if (failed === 0) return;
  const all = failed + ("scored" in counts ? counts.scored : counts.tagged);
  const where = resolve(folder, "errors.jsonl");
  process.stderr.write(
    `recurra-server: ${failed} of ${all} sequences have no result: ${where} says why\n`,
  );
}

interface Run extends OpenJob {
  readonly options: RunOptions;
  readonly line: ProgressLine;
  readonly signal: AbortSignal;
}

async function runHere({ folder, plan, options, line, signal }: Run): Promise<JobManifest> {
  const scorer = await Scorer.open(plan.model, options.threads);
  try {
    const onProgress = (progress: JobProgress): void => line.show(progress);
    return await runLocally(folder, plan, scorer, { signal, onProgress });
  } finally {
    await scorer.close();
  }
}

/** Submits a job, or goes on with it. It has no manifest yet. */
async function putIn(queue: JobQueue, folder: string, plan: Plan): Promise<void> {
  const known = await queue.known(plan.id);
  if (known === undefined) return queue.submit(folder, plan);
  if (known.folder !== folder) {
    const what = `the same job stands in Redis with the folder ${known.folder}`;
    throw new JobError("usage", `${plan.id}: ${what}: pass that --output, or another --prefix`);
  }
  if (["failed", "cancelled", "done"].includes(known.state)) await queue.retry(plan.id, planIn);
}

/** Submits the job unless it is there, and works until it is done. */
async function runByRedis({ folder, plan, options, line, signal }: Run): Promise<JobManifest> {
  return withQueue(options, async (queue) => {
    await putIn(queue, folder, plan);
    const worker = new JobWorker(queue, workerOptions(options));
    const aborted = signal.aborted ? undefined : once(signal, "abort").then(() => undefined);
    try {
      for (;;) {
        // While Redis is away there is no answer.
        const answer = queue.status(plan.id);
        answer.catch(() => undefined);
        const status = await Promise.race([answer, aborted]);
        if (status === undefined) {
          const what = "this worker ended; the job goes on elsewhere, or with the same command";
          throw new JobError("cancelled", `${plan.id}: ${what}`);
        }
        line.show(status);
        const manifest = status.state === "done" ? await jobManifest(folder, plan) : undefined;
        if (manifest !== undefined) return manifest;
        if (status.state === "failed" || status.state === "cancelled") {
          const why = status.reason ?? `the job is ${status.state}`;
          throw new JobError("output", `${plan.id}: ${why}`);
        }
        await Promise.race([wait(POLL), aborted]);
      }
    } finally {
      await worker.close();
    }
  });
}
