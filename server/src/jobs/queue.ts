import { setTimeout as wait } from "node:timers/promises";
import { FlowProducer, type Job, Queue } from "bullmq";
import { Redis } from "ioredis";
import { JobError } from "./errors.js";
import { jobManifest } from "./merge.js";
import type { Plan } from "./plan.js";
import { manifestOf } from "./shard.js";

/** What a job of BullMQ carries: a shard, or the end of a job, which joins the parts. */
export interface Task {
  readonly job: string;
  /** The folder of the job, which all machines reach. */
  readonly folder: string;
  /** How often the job was submitted. */
  readonly round: number;
  /** Absent at the end of a job. */
  readonly shard?: number;
}

export type JobState = "waiting" | "running" | "finishing" | "done" | "failed" | "cancelled";

/** How a job is, as Redis knows it. */
export interface JobStatus {
  readonly job: string;
  readonly state: JobState;
  readonly folder: string;
  readonly shards: number;
  readonly shardsDone: number;
  readonly shardsFailed: number;
  /** Shards that are at work now. */
  readonly shardsActive: number;
  /** Between 0 and 1, shards at work included. */
  readonly share: number;
  readonly secondsLeft?: number;
  /** Why it failed. */
  readonly reason?: string;
}

export const QUEUE = "shards";
/** A job that failed for a passing reason is tried again after 1, 2 and 4 seconds. */
const TRIES = { attempts: 4, backoff: { type: "exponential", delay: 1000 } } as const;

/** Jobs in Redis. All of them share one queue. */
export class JobQueue {
  readonly redis: Redis;
  readonly prefix: string;
  readonly #queue: Queue<Task>;
  readonly #flows: FlowProducer;

  /**
   * @param url redis://… or rediss://…
   * @param prefix begins the names of all keys
   * @param onError told when the connection fails; it is made again by itself
   */
  constructor(url: string, prefix: string, onError: (error: Error) => void = () => undefined) {
    this.prefix = prefix;
    // BullMQ asks for null: a command waits for as long as Redis is away.
    this.redis = new Redis(url, { maxRetriesPerRequest: null });
    const options = { connection: this.redis, prefix };
    this.#queue = new Queue(QUEUE, options);
    this.#flows = new FlowProducer(options);
    this.redis.on("error", onError);
    this.#queue.on("error", onError);
    this.#flows.on("error", onError);
  }

  /** Waits until Redis answers. @throws {JobError} with its last error if it does not */
  async connected(ms: number): Promise<void> {
    if (this.redis.status === "ready") return;
    let last = "no answer";
    const note = (error: Error): void => {
      last = error.message || error.name;
    };
    this.redis.on("error", note);
    const ready = new Promise<true>((resolve) => this.redis.once("ready", () => resolve(true)));
    const timeout = new AbortController();
    const late = wait(ms, false, timeout).catch(() => false);
    const isReady = await Promise.race([ready, late]);
    timeout.abort();
    this.redis.off("error", note);
    if (isReady) return;
    const { host, port } = this.redis.options;
    const what = `Redis does not answer within ${ms / 1000} s (${last})`;
    throw new JobError("redis", `--redis: ${host}:${port}: ${what}: start it, or correct --redis`);
  }

  /**
   * Adds a job. Shards that are done are left out. A submission that was cut off is continued.
   *
   * @throws {JobError} if it was submitted before
   */
  async submit(folder: string, plan: Plan): Promise<void> {
    const key = this.#key(plan.id);
    const [isAdded, known] = await this.redis.hmget(key, "added:0", "folder");
    if (isAdded) {
      const what = `the job was submitted before, with the folder ${known}`;
      const how = "see its status, cancel or retry it, or pass another --prefix";
      throw new JobError("usage", `${plan.id}: ${what}: ${how}`);
    }
    const record = { folder, shards: plan.shards.length, round: 0, submitted: Date.now() };
    await this.redis.hset(key, record);
    await this.redis.zadd(`${this.prefix}:jobs`, record.submitted, plan.id);
    await this.#add(folder, plan, 0);
  }

  /** Adds what is not done of a job that failed or was cancelled, or whose results were deleted. */
  async retry(id: string, planIn: (folder: string) => Promise<Plan | undefined>): Promise<void> {
    const { state, folder } = await this.status(id);
    const plan = await planIn(folder);
    if (plan?.id !== id) {
      const what = "the plan of the job is not there: retry where the folder is, or submit again";
      throw new JobError("output", `${folder}: ${what}`);
    }
    const isGone = state === "done" && (await jobManifest(folder, plan)) === undefined;
    if (state !== "failed" && state !== "cancelled" && !isGone) {
      const what = `expected a job that failed or was cancelled, got one that is ${state}`;
      throw new JobError("usage", `${id}: ${what}`);
    }
    const round = Number((await this.#record(id)).round) + 1;
    await this.#add(folder, plan, round);
    await (await this.#end(id, round - 1))?.remove({ removeChildren: true }).catch(() => undefined);
  }

  /** Ends a job. Shards at work stop within some seconds, and what is done stays. */
  async cancel(id: string): Promise<void> {
    const { state } = await this.status(id);
    if (state === "done") throw new JobError("usage", `${id}: the job is done`);
    const { round } = await this.#record(id);
    await this.redis.hset(this.#key(id), `cancelled:${round}`, Date.now());
    await (await this.#end(id, Number(round)))?.removeUnprocessedChildren();
  }

  /** Whether somebody has cancelled the round of a job to which a task belongs. */
  async isCancelled({ job, round }: Task): Promise<boolean> {
    return (await this.redis.hexists(this.#key(job), `cancelled:${round}`)) === 1;
  }

  /** Notes that a round has begun. */
  async begun({ job, round }: Task): Promise<void> {
    await this.redis.hsetnx(this.#key(job), `begun:${round}`, Date.now());
  }

  /** @throws {JobError} if there is no such job */
  async status(id: string): Promise<JobStatus> {
    const record = await this.#record(id);
    const { folder = "", round = "0" } = record;
    const shards = Number(record.shards);
    const end = await this.#end(id, Number(round));
    const counts = await end?.getDependenciesCount({
      processed: true,
      unprocessed: true,
      ignored: true,
    });
    const { unprocessed = 0, ignored = 0, processed = 0 } = counts ?? {};
    const active = (await this.#queue.getActive()).filter(
      ({ data }) => data.job === id && data.shard !== undefined,
    );
    const isCancelled = record[`cancelled:${round}`] !== undefined;
    const found = (await end?.getState()) ?? "unknown";
    const isAdded = record[`added:${round}`] !== undefined;
    const hasBegun = active.length + processed > 0;
    const state = isAdded ? stateOf(found, isCancelled, hasBegun) : "waiting";
    // Shards of earlier rounds stand in no count of this one.
    const before = shards - Number(record[`left:${round}`] ?? shards);
    const shardsDone = before + processed;
    const parts = active.reduce((sum, { progress }) => sum + (Number(progress) || 0), 0);
    const share = shards === 0 ? 1 : Math.min((shardsDone + parts) / shards, 1);
    const seconds = (Date.now() - Number(record[`begun:${round}`])) / 1000;
    const isOn = state === "running" && processed + parts > 0;
    return {
      job: id,
      state,
      folder,
      shards,
      shardsDone,
      // Those that were at work when somebody cancelled the job count as failed in BullMQ.
      shardsFailed: isCancelled ? 0 : ignored,
      shardsActive: active.length,
      share,
      ...(isOn ? { secondsLeft: (seconds * (unprocessed - parts)) / (processed + parts) } : {}),
      ...(state === "failed" ? { reason: end?.failedReason ?? LOST } : {}),
    };
  }

  /** The status of a job; undefined if it was not submitted, or its submission was cut off. */
  async known(id: string): Promise<JobStatus | undefined> {
    const isAdded = (await this.redis.hexists(this.#key(id), "added:0")) === 1;
    return isAdded ? this.status(id) : undefined;
  }

  /** The ids of all jobs, the last one first. */
  async list(): Promise<string[]> {
    return this.redis.zrevrange(`${this.prefix}:jobs`, 0, -1);
  }

  /** Ends the connections: at once if Redis is away. */
  async close(): Promise<void> {
    const isThere = this.redis.status === "ready";
    if (isThere) await Promise.all([this.#queue.close(), this.#flows.close()]);
    this.redis.disconnect();
  }

  /** The end of a job is a parent in BullMQ, and the shards are its children: it runs after the last one. */
  async #add(folder: string, plan: Plan, round: number): Promise<void> {
    const task: Task = { job: plan.id, folder, round };
    const left: number[] = [];
    for (let i = 0; i < plan.shards.length; i++) {
      if ((await manifestOf(folder, plan, i)) === undefined) left.push(i);
    }
    await this.redis.hset(this.#key(plan.id), `left:${round}`, left.length);
    await this.#flows.add({
      name: "end",
      queueName: QUEUE,
      prefix: this.prefix,
      data: task,
      opts: { jobId: endId(plan.id, round), ...TRIES },
      children: left.map((shard) => ({
        name: "shard",
        queueName: QUEUE,
        prefix: this.prefix,
        data: { ...task, shard },
        opts: {
          jobId: `${endId(plan.id, round)}-${shard}`,
          ...TRIES,
          // The end says which shards failed. What is done is in the manifests: Redis need not keep it.
          ignoreDependencyOnFailure: true,
          removeOnComplete: true,
        },
      })),
    });
    await this.redis.hset(this.#key(plan.id), { round, [`added:${round}`]: Date.now() });
  }

  #key(id: string): string {
    return `${this.prefix}:job:${id}`;
  }

  async #record(id: string): Promise<Record<string, string>> {
    const record = await this.redis.hgetall(this.#key(id));
    if (record.folder === undefined) throw new JobError("not-found", `${id}: there is no such job`);
    return record;
  }

  async #end(id: string, round: number): Promise<Job<Task> | undefined> {
    return (await this.#queue.getJob(endId(id, round))) as Job<Task> | undefined;
  }
}

const LOST = "Redis has lost the job: retry it";

const endId = (id: string, round: number): string => `${id}-${round}`;

function stateOf(found: string, isCancelled: boolean, hasBegun: boolean): JobState {
  if (found === "completed") return "done";
  if (isCancelled) return "cancelled";
  if (found === "failed" || found === "unknown") return "failed";
  if (found === "waiting-children") return hasBegun ? "running" : "waiting";
  return "finishing";
}
