import { setTimeout as wait } from "node:timers/promises";
import { type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import { JobError, type JobErrorCode } from "./errors.js";
import { planIn, SHARDS_AT_ONCE } from "./local_run.js";
import { finish } from "./merge.js";
import type { JobModel, Plan } from "./plan.js";
import { type JobQueue, QUEUE, type Task } from "./queue.js";
import { Scorer } from "./scorer.js";
import { runShard } from "./shard.js";

export interface WorkerOptions {
  /** Worker threads for each model. Default: the cores of the machine. */
  readonly threads?: number | undefined;
  /** How long a shard stays with a worker that gives no sign of life, in milliseconds. Default 30,000. */
  readonly lockMs?: number | undefined;
  /** How long a worker holds a shard that it cannot do, in milliseconds. Default 3,000. */
  readonly pauseMs?: number | undefined;
  readonly onShard?: ((task: Task) => void) | undefined;
  readonly onError?: ((error: Error) => void) | undefined;
}

/** How often a worker says how far it is, and asks whether the job was cancelled: milliseconds. */
const TICK = 1000;
/** Models that stay open. */
const MOST_MODELS = 2;
/** How many workers may end while they have the same shard. */
const MOST_STALLED = 20;
/** The workers of a model, and how many shards use them. */
interface Shared {
  readonly scorer: Promise<Scorer>;
  users: number;
}

/** Errors that the next try would meet again, on every machine. */
const LASTING = new Set<JobErrorCode>(["input-changed", "usage", "cancelled"]);
/** Errors that may be those of this machine: a folder that is not mounted, an old copy of the model. */
const LOCAL = new Set<JobErrorCode>([
  "input",
  "model",
  "model-changed",
  "output",
  "incomplete",
  "system",
  "disk",
]);
/** By default a shard that cannot be done is held so long that others get the next ones: milliseconds. */
const PENANCE = 3000;
/** How long a worker waits for Redis when it ends: milliseconds. */
const FAREWELL = 5000;

/**
 * Takes shards from Redis and does them. The kernels run in worker threads: this thread is free to renew the locks, so that a
 * shard is given to another worker only if this process has ended.
 */
export class JobWorker {
  readonly #queue: JobQueue;
  readonly #options: WorkerOptions;
  readonly #worker: Worker<Task>;
  readonly #scorers = new Map<string, Shared>();
  readonly #plans = new Map<string, Plan>();
  readonly #closing = new AbortController();

  constructor(queue: JobQueue, options: WorkerOptions = {}) {
    this.#queue = queue;
    this.#options = options;
    const { lockMs = 30_000, onError = () => undefined } = options;
    this.#worker = new Worker(QUEUE, (job, token) => this.#process(job, token), {
      connection: queue.redis,
      prefix: queue.prefix,
      concurrency: SHARDS_AT_ONCE,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: MOST_STALLED,
    });
    this.#worker.on("error", (error) => onError(lostLock(error)));
  }

  /** Gives the shards at work back, and ends. While Redis is away they go to others when their locks are over. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the worker ends"));
    const timeout = new AbortController();
    const late = wait(FAREWELL, undefined, timeout).catch(() => undefined);
    const closed = this.#worker.close().catch(() => undefined);
    await Promise.race([closed, late]);
    timeout.abort();
    for (const { scorer } of this.#scorers.values()) await close(scorer);
  }

  async #process(job: Job<Task>, token: string | undefined): Promise<void> {
    try {
      await this.#do(job);
    } catch (error) {
      if (this.#closing.signal.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (!(error instanceof JobError)) throw error;
      const isLasting = LASTING.has(error.code) || (await isFailed(job, error));
      if (isLasting) throw new UnrecoverableError(error.message);
      if (LOCAL.has(error.code)) await this.#pause(error);
      throw error;
    }
  }

  async #do(job: Job<Task>): Promise<void> {
    const task = job.data;
    const { folder, shard } = task;
    if (await this.#queue.isCancelled(task)) throw cancelled(task);
    const plan = await this.#plan(task);
    if (shard === undefined) {
      await finish(folder, plan);
      return;
    }
    await this.#queue.begun(task);
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, this.#closing.signal]);
    let share = 0;
    const tick = setInterval(() => {
      // Redis may be away for a while. The work goes on.
      job.updateProgress(share).catch(() => undefined);
      this.#queue.isCancelled(task).then(
        (isCancelled) => isCancelled && ended.abort(cancelled(task)),
        () => undefined,
      );
    }, TICK);
    const shared = this.#shared(plan.model);
    try {
      const onProgress = (done: number): void => {
        share = done;
      };
      const work = { folder, plan, index: shard, scorer: await shared.scorer };
      await runShard(work, { signal, onProgress });
      this.#options.onShard?.(task);
    } catch (error) {
      throw ended.signal.aborted ? ended.signal.reason : error;
    } finally {
      clearInterval(tick);
      shared.users--;
    }
  }

  /** Says what this machine lacks, perhaps. */
  async #pause(error: Error): Promise<void> {
    this.#options.onError?.(error);
    const { signal } = this.#closing;
    await wait(this.#options.pauseMs ?? PENANCE, undefined, { signal }).catch(() => undefined);
  }

  /** The plan of a job, read once. */
  async #plan({ job, folder }: Task): Promise<Plan> {
    const known = this.#plans.get(job);
    if (known !== undefined) return known;
    const plan = await planIn(folder);
    if (plan?.id !== job) {
      const what =
        "the plan of the job is not there: workers and the one who submits share this folder";
      throw new JobError("output", `${folder}: ${what}`);
    }
    this.#plans.clear();
    this.#plans.set(job, plan);
    return plan;
  }

  /** The workers of a model, with one user more. Those that nobody uses end if there are too many. */
  #shared(model: JobModel): Shared {
    const key = JSON.stringify(model);
    const { threads } = this.#options;
    const shared = this.#scorers.get(key) ?? { scorer: Scorer.open(model, threads), users: 0 };
    shared.users++;
    shared.scorer.catch(() => this.#scorers.delete(key));
    // The last one in the map is the one that was used last.
    this.#scorers.delete(key);
    this.#scorers.set(key, shared);
    for (const [old, { scorer, users }] of this.#scorers) {
      if (this.#scorers.size <= MOST_MODELS) break;
      if (users > 0) continue;
      this.#scorers.delete(old);
      void close(scorer);
    }
    return shared;
  }
}

/** What BullMQ says of a lock that was lost, in the words of jobs; every other error as it is. */
function lostLock(error: Error): Error {
  if (!/lock for job|Missing key for job/i.test(error.message)) return error;
  const why = "this worker gave no sign of life for longer than --lost-after";
  return new Error(`a shard went to another worker, because ${why}: no result is lost or doubled`);
}

/** Whether shards of a job have failed. Otherwise this machine does not see the last ones yet, as NFS may have it. */
async function isFailed(end: Job<Task>, { code }: JobError): Promise<boolean> {
  if (code !== "incomplete") return false;
  return ((await end.getDependenciesCount({ ignored: true })).ignored ?? 0) > 0;
}

/** Ends workers, if they were started. */
async function close(scorer: Promise<Scorer>): Promise<void> {
  await scorer.then((each) => each.close()).catch(() => undefined);
}

const cancelled = ({ job }: Task): JobError =>
  new JobError("cancelled", `${job}: the job was cancelled`);
