import { Command } from "commander";
import {
  type RedisOptions,
  type RunOptions,
  withPlan,
  withRedis,
  withWork,
} from "./command_options.js";
import { JobError } from "./errors.js";
import { planIn } from "./local_run.js";
import { submitJob, withQueue, work } from "./queue_command.js";
import { runJob } from "./run_command.js";
import { printStatus } from "./status_command.js";

/** `recurra-server job …`. */
export function jobCommand(): Command {
  const job = new Command("job").description(
    "scores or tags files: on this machine, or on many by Redis",
  );
  const command = (words: string, description: string): Command =>
    job.command(words).description(description);
  withWork(
    withRedis(withPlan(command("run", "does a job, or goes on with it; prints its manifest"))),
  )
    .option("-q, --quiet", "no progress on stderr")
    .action(guarded<[RunOptions]>(runJob));
  withRedis(withPlan(command("submit", "puts a job into Redis; prints its id"))).action(
    guarded(submitJob),
  );
  withWork(withRedis(command("work", "does shards of all jobs in Redis"))).action(guarded(work));
  withRedis(command("status [JOB]", "says how far jobs are"))
    .option("-o, --output <DIR>", "the folder of a job, which needs no Redis")
    .option("--json", "prints JSON")
    .action(guarded(printStatus));
  withRedis(command("cancel <JOB>", "ends a job; what is done stays")).action(
    guarded((id: string, options: RedisOptions) => withQueue(options, (queue) => queue.cancel(id))),
  );
  withRedis(command("retry <JOB>", "goes on with a job that failed or was cancelled")).action(
    guarded((id: string, options: RedisOptions) =>
      withQueue(options, (queue) => queue.retry(id, planIn)),
    ),
  );
  return job;
}

/** A fault of the user, or of the system, is one line; others keep their trace. */
function guarded<A extends unknown[]>(action: (...values: A) => Promise<void>) {
  return async (...values: A): Promise<void> => {
    process.stdout.on("error", endOfReader);
    try {
      await action(...values);
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      process.stderr.write(`recurra-server: ${error.message}\n`);
      // A signal has its own code.
      process.exitCode ??= 1;
    } finally {
      endSoon();
    }
  };
}

/** A reader that stops early, as `head` does, is no error. */
function endOfReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

/** While Redis is away, connections of BullMQ would keep the process for as long. */
function endSoon(): void {
  const end = (): void => {
    if (process.stdout.writableLength === 0) process.exit();
  };
  setInterval(end, 1000).unref();
}
