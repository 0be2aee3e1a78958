import type { PlanOptions, RedisOptions, WorkOptions } from "./command_options.js";
import { JobError } from "./errors.js";
import { openJob } from "./open_job.js";
import { JobQueue } from "./queue.js";
import { JobWorker, type WorkerOptions } from "./worker.js";

/** How long a command waits for Redis before it gives up: milliseconds. */
const PATIENCE = 10_000;
/** Between two messages of the same trouble: milliseconds. */
const PAUSE = 10_000;

/** `job submit`. */
export async function submitJob(options: PlanOptions & RedisOptions): Promise<void> {
  const { folder, plan } = await openJob(options);
  await withQueue(options, (queue) => queue.submit(folder, plan));
  process.stdout.write(`${plan.id}\n`);
}

/** `job work`. Waits for Redis as long as it is away. */
export async function work(options: WorkOptions): Promise<void> {
  const queue = queueOf(options);
  const worker = new JobWorker(queue, {
    ...workerOptions(options),
    onShard: ({ job, shard }) =>
      process.stderr.write(`recurra-server: ${job}: shard ${shard} is done\n`),
  });
  process.stderr.write("recurra-server: works on the shards of all jobs; Ctrl-C ends\n");
  await new Promise<void>((end) => {
    process.once("SIGINT", () => end()).once("SIGTERM", () => end());
  });
  await worker.close();
  await queue.close();
}

export const workerOptions = ({ threads, lostAfter }: WorkOptions): WorkerOptions => ({
  threads,
  lockMs: 1000 * lostAfter,
  onError: (error) => warn(error.message),
});

/** Does something with the jobs in Redis. @throws {JobError} if it does not answer */
export async function withQueue<T>(
  options: RedisOptions,
  use: (queue: JobQueue) => Promise<T>,
): Promise<T> {
  const queue = queueOf(options);
  try {
    await queue.connected(PATIENCE);
    return await use(queue);
  } finally {
    await queue.close();
  }
}

function queueOf({ redis, prefix }: RedisOptions): JobQueue {
  const expected = "expected the address of a Redis, redis://…";
  if (redis === undefined) throw new JobError("usage", `--redis: ${expected}`);
  // Not the address itself, which may hold a password.
  if (!/^rediss?:\/\/./.test(redis) || !URL.canParse(redis)) {
    throw new JobError("usage", `--redis: ${expected} or rediss://…, got something else`);
  }
  return new JobQueue(redis, prefix, (error) => warn(`Redis: ${error.message || error.name}`));
}

const warned = new Map<string, number>();

/** Says what goes wrong, the same at most every ten seconds. */
function warn(what: string): void {
  const now = Date.now();
  if (now - (warned.get(what) ?? 0) < PAUSE) return;
  if (warned.size > 100) warned.clear();
  warned.set(what, now);
  process.stderr.write(`recurra-server: ${what}\n`);
}
