import { resolve } from "node:path";
import type { StatusOptions } from "./command_options.js";
import { JobError } from "./errors.js";
import { planIn } from "./local_run.js";
import { jobManifest } from "./merge.js";
import { duration } from "./progress_line.js";
import type { JobStatus } from "./queue.js";
import { withQueue } from "./queue_command.js";
import { manifestOf } from "./shard.js";

/** `job status`. */
export async function printStatus(id: string | undefined, options: StatusOptions): Promise<void> {
  const { output, json = false } = options;
  const show = (status: JobStatus): void => {
    process.stdout.write(`${json ? JSON.stringify(status) : inWords(status)}\n`);
  };
  if (output !== undefined) {
    const status = await statusIn(resolve(output));
    if (id === undefined || id === status.job) show(status);
    else throw new JobError("not-found", `${output}: expected job ${id}, found ${status.job}`);
    return;
  }
  await withQueue(options, async (queue) => {
    const all = id === undefined ? await queue.list() : [id];
    for (const each of all) show(await queue.status(each));
    if (all.length === 0 && !json) process.stdout.write("no jobs: submit one\n");
  });
}

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
  const counts = { shards, shardsDone, shardsFailed: 0, shardsActive: 0, share };
  return { job: plan.id, state, folder, ...counts };
}

function inWords(status: JobStatus): string {
  const { job, state, shards, shardsDone, shardsFailed, shardsActive } = status;
  const { secondsLeft, reason, folder } = status;
  const parts = [`${Math.floor(100 * status.share)} %`, `${shardsDone} of ${shards} shards`];
  if (shardsActive > 0) parts.push(`${shardsActive} at work`);
  if (shardsFailed > 0) parts.push(`${shardsFailed} failed`);
  if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`);
  const end = reason === undefined ? "" : `\n  ${reason}`;
  return `${job}  ${state}  ${parts.join(" · ")}  ${folder}${end}`;
}
