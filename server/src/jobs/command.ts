import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { JobError } from "./errors.js";
import { type JobProgress, openPlan, planIn, runLocally } from "./local_run.js";
import { LEAST_BYTES, MOST_BYTES } from "./make_plan.js";
import { type JobManifest, jobManifest } from "./merge.js";
import {
  INPUT_FORMATS,
  type InputFormat,
  OUTPUT_FORMATS,
  type OutputFormat,
  type Plan,
} from "./plan.js";
import { duration, ProgressLine } from "./progress_line.js";
import { JobQueue, type JobStatus } from "./queue.js";
import { modelOf, Scorer } from "./scorer.js";
import { manifestOf } from "./shard.js";
import { JobWorker } from "./worker.js";

interface PlanOptions {
  readonly model: string;
  readonly vocabulary?: string;
  readonly unknown?: string;
  readonly precision: "f64" | "f32";
  readonly input: readonly string[];
  readonly output: string;
  readonly format?: InputFormat;
  readonly field?: string;
  readonly perToken?: boolean;
  readonly to: OutputFormat;
  readonly shardBytes?: number;
  readonly merge: boolean;
}

interface RedisOptions {
  readonly redis?: string;
  readonly prefix: string;
}

interface WorkOptions extends RedisOptions {
  readonly threads?: number;
  readonly lostAfter: number;
}

interface RunOptions extends PlanOptions, WorkOptions {
  readonly quiet?: boolean;
}

interface StatusOptions extends RedisOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** How often `run --redis` asks how far the job is: milliseconds. */
const POLL = 500;

/** `recurra-server job …`. */
export function jobCommand(): Command {
  const job = new Command("job").description("scores files: on this machine, or on many by Redis");
  const run = job.command("run").description("does a job, or goes on with it; prints its manifest");
  withWork(withRedis(withPlan(run)))
    .option("-q, --quiet", "no progress on stderr")
    .action(guarded(runJob));
  withRedis(
    withPlan(job.command("submit").description("puts a job into Redis; prints its id")),
  ).action(guarded(submitJob));
  withWork(withRedis(job.command("work").description("does shards of all jobs in Redis"))).action(
    guarded(work),
  );
  withRedis(job.command("status").argument("[JOB]").description("says how far jobs are"))
    .option("-o, --output <DIR>", "the folder of a job, which needs no Redis")
    .option("--json", "prints JSON")
    .action(guarded(printStatus));
  withRedis(
    job.command("cancel").argument("<JOB>").description("ends a job; what is done stays"),
  ).action(
    guarded((id: string, options: RedisOptions) => withQueue(options, (queue) => queue.cancel(id))),
  );
  withRedis(
    job
      .command("retry")
      .argument("<JOB>")
      .description("goes on with a job that failed or was cancelled"),
  ).action(
    guarded((id: string, options: RedisOptions) =>
      withQueue(options, (queue) => queue.retry(id, planIn)),
    ),
  );
  return job;
}

const withPlan = (command: Command): Command =>
  command
    .requiredOption("-m, --model <FILE>", "a language model")
    .option("--vocabulary <FILE>", "JSON, { token: id } or a list; default: that in the model")
    .option("--unknown <TOKEN>", "the token or id for characters outside the vocabulary")
    .addOption(
      new Option("--precision <TYPE>", "number type of the computation")
        .choices(["f64", "f32"])
        .default("f64"),
    )
    .requiredOption("-i, --input <PATTERN...>", "files, or patterns such as 'data/**/*.jsonl.gz'")
    .requiredOption(
      "-o, --output <DIR>",
      "the folder for results; all machines reach it by this path",
    )
    .addOption(
      new Option("--format <FORMAT>", "of the input; default: by name").choices(INPUT_FORMATS),
    )
    .option("--field <NAME>", "the field or column of the sequence; default: text")
    .option("--per-token", "adds the log-probability of each token")
    .addOption(
      new Option("--to <FORMAT>", "of the results").choices(OUTPUT_FORMATS).default("jsonl"),
    )
    .option(
      "--shard-bytes <N>",
      `input of one shard; default: 1/10000 of all, from ${LEAST_BYTES} to ${MOST_BYTES}`,
      countOf,
    )
    .option("--no-merge", "leaves the results in parts");

const withRedis = (command: Command): Command =>
  command
    .addOption(new Option("--redis <URL>", "redis://…").env("RECURRA_REDIS"))
    .option("--prefix <TEXT>", "begins the names of all keys in Redis", "recurra");

const withWork = (command: Command): Command =>
  command
    .option("--threads <N>", "worker threads; default: all cores", countOf)
    .option(
      "--lost-after <S>",
      "seconds of silence after which a worker's shards go to others",
      countOf,
      30,
    );

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("Expected an integer ≥ 1.");
}

/** A fault of the user is one line; others keep their trace. */
function guarded<A extends unknown[]>(action: (...values: A) => Promise<void>) {
  return async (...values: A): Promise<void> => {
    try {
      await action(...values);
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      process.stderr.write(`recurra-server: ${error.message}\n`);
      process.exitCode = error.code === "cancelled" ? 130 : 1;
    }
  };
}

async function planFor(options: PlanOptions): Promise<{ folder: string; plan: Plan }> {
  const { model: path, vocabulary, unknown, precision, output, shardBytes } = options;
  const model = await modelOf(path, {
    precision,
    ...(vocabulary === undefined ? {} : { vocabulary }),
    ...(unknown === undefined
      ? {}
      : { unknown: /^\d+$/.test(unknown) ? Number(unknown) : unknown }),
  });
  const folder = resolve(output);
  const { input: inputs, format, field, perToken = false, to } = options;
  const request = { model, inputs, folder, format, field, perToken, output: to, shardBytes };
  return { folder, plan: await openPlan(request, options.merge) };
}

async function runJob(options: RunOptions): Promise<void> {
  const { folder, plan } = await planFor(options);
  const line = new ProgressLine(options.quiet === true);
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const run = options.redis === undefined ? runHere : runByRedis;
    const manifest =
      (await jobManifest(folder, plan)) ??
      (await run({ folder, plan, options, line, signal: interruption.signal }));
    process.stdout.write(`${JSON.stringify(manifest)}\n`);
  } finally {
    line.end();
    process.removeListener("SIGINT", interrupt).removeListener("SIGTERM", interrupt);
  }
}

interface Run {
  readonly folder: string;
  readonly plan: Plan;
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

/** Submits the job unless it is there, and works until it is done. */
async function runByRedis({ folder, plan, options, line, signal }: Run): Promise<JobManifest> {
  return withQueue(options, async (queue) => {
    const known = await queue.list();
    if (!known.includes(plan.id)) await queue.submit(folder, plan);
    else if (["failed", "cancelled"].includes((await queue.status(plan.id)).state)) {
      await queue.retry(plan.id, planIn);
    }
    const worker = new JobWorker(queue, workerOptions(options));
    try {
      for (;;) {
        const status = await queue.status(plan.id);
        line.show(status);
        if (status.state === "done") return (await jobManifest(folder, plan)) as JobManifest;
        if (status.state === "failed" || status.state === "cancelled") {
          throw new JobError(
            "output",
            `${plan.id}: ${status.reason ?? `the job is ${status.state}`}`,
          );
        }
        await wait(POLL, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) {
          const what = "this worker ended; the job goes on elsewhere, or with the same command";
          throw new JobError("cancelled", `${plan.id}: ${what}`);
        }
      }
    } finally {
      await worker.close();
    }
  });
}

async function submitJob(options: RunOptions): Promise<void> {
  const { folder, plan } = await planFor(options);
  await withQueue(options, (queue) => queue.submit(folder, plan));
  process.stdout.write(`${plan.id}\n`);
}

async function work(options: WorkOptions): Promise<void> {
  await withQueue(options, async (queue) => {
    const worker = new JobWorker(queue, {
      ...workerOptions(options),
      onShard: ({ job, shard }) =>
        process.stderr.write(`recurra-server: ${job}: shard ${shard} is done\n`),
    });
    await new Promise<void>((end) => {
      process.once("SIGINT", () => end()).once("SIGTERM", () => end());
    });
    await worker.close();
  });
}

async function printStatus(id: string | undefined, options: StatusOptions): Promise<void> {
  const show = (status: JobStatus): void => {
    process.stdout.write(`${options.json ? JSON.stringify(status) : inWords(status)}\n`);
  };
  if (options.output !== undefined) {
    show(await statusIn(resolve(options.output)));
    return;
  }
  await withQueue(options, async (queue) => {
    for (const each of id === undefined ? await queue.list() : [id]) show(await queue.status(each));
  });
}

const workerOptions = ({ threads, lostAfter }: WorkOptions) => ({
  threads,
  lockMs: 1000 * lostAfter,
  onError: warn,
});

/** How far the job in a folder is, by what is done there. */
async function statusIn(folder: string): Promise<JobStatus> {
  const plan = await planIn(folder);
  if (plan === undefined) throw new JobError("not-found", `${folder}: there is no job`);
  let shardsDone = 0;
  for (let i = 0; i < plan.shards.length; i++) {
    if ((await manifestOf(folder, plan, i)) !== undefined) shardsDone++;
  }
  const shards = plan.shards.length;
  const isDone = (await jobManifest(folder, plan)) !== undefined;
  const state = isDone ? "done" : shardsDone === 0 ? "waiting" : "running";
  const share = shards === 0 ? 1 : shardsDone / shards;
  return {
    job: plan.id,
    state,
    folder,
    shards,
    shardsDone,
    shardsFailed: 0,
    shardsActive: 0,
    share,
  };
}

function inWords(status: JobStatus): string {
  const { job, state, shards, shardsDone, shardsFailed, secondsLeft, reason, folder } = status;
  const parts = [`${Math.floor(100 * status.share)} %`, `${shardsDone} of ${shards} shards`];
  if (shardsFailed > 0) parts.push(`${shardsFailed} failed`);
  if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`);
  const end = reason === undefined ? "" : `\n  ${reason}`;
  return `${job}  ${state}  ${parts.join(" · ")}  ${folder}${end}`;
}

async function withQueue<T>(
  options: RedisOptions,
  use: (queue: JobQueue) => Promise<T>,
): Promise<T> {
  if (options.redis === undefined) {
    throw new JobError("usage", "--redis: expected the address of a Redis, redis://…");
  }
  const queue = new JobQueue(options.redis, options.prefix, warn);
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}

let warned = 0;

/** Says that Redis is away, at most every ten seconds. */
function warn(error: Error): void {
  if (Date.now() - warned < 10_000) return;
  warned = Date.now();
  process.stderr.write(`recurra-server: Redis: ${error.message || error.name}\n`);
}
