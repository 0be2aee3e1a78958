import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { modelOf } from "../../src/jobs/job_model.js";
import { openPlan, planIn, runLocally } from "../../src/jobs/local_run.js";
import { JobQueue, type JobState, type JobStatus } from "../../src/jobs/queue.js";
import { Scorer } from "../../src/jobs/scorer.js";
import { JobWorker } from "../../src/jobs/worker.js";
import { JobFolder, jobModel, textLines } from "../support/job_files.js";
import { TestRedis } from "../support/redis.js";
import { featureTagger, steps } from "../support/tagger_files.js";

let redis: TestRedis;
let queue: JobQueue;
let folder: JobFolder;
let input: string;
let workers: JobWorker[];

beforeAll(async () => {
  redis = await TestRedis.start();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  folder = await JobFolder.open();
  // Each test has keys of its own.
  queue = new JobQueue(redis.url, crypto.randomUUID());
  workers = [];
  input = await folder.write("lines.txt", (await textLines(80)).join("\n"));
});
afterEach(async () => {
  for (const worker of workers) await worker.close();
  await queue.close();
  await folder.remove();
});

const startWorker = (onShard?: () => void, onError?: (error: Error) => void): void => {
  workers.push(new JobWorker(queue, { threads: 1, lockMs: 2000, pauseMs: 10, onShard, onError }));
};

async function submitted(output: string, inputs: readonly string[] = [input]) {
  const request = await folder.request(inputs, output, { shardBytes: 300 });
  const plan = await openPlan(request, true);
  await queue.submit(request.folder, plan);
  return { folder: request.folder, plan };
}

async function until(id: string, ...states: JobState[]): Promise<JobStatus> {
  for (;;) {
    const status = await queue.status(id);
    if (states.includes(status.state)) return status;
    await wait(20);
  }
}

/** The results of the same job in one process. */
async function alone(inputs: readonly string[] = [input]): Promise<string> {
  const request = await folder.request(inputs, "alone", { shardBytes: 300 });
  const scorer = await Scorer.open(await jobModel(), 1);
  await runLocally(request.folder, await openPlan(request, true), scorer);
  await scorer.close();
  return folder.read("alone/results.jsonl");
}

test("a job done by two workers has the bytes of one process; each shard is done once", async () => {
  const { plan } = await submitted("out");
  const shards = plan.shards.length;
  expect(await queue.status(plan.id)).toMatchObject({
    state: "waiting",
    shards,
    shardsDone: 0,
    share: 0,
  });
  let done = 0;
  for (let i = 0; i < 2; i++) startWorker(() => done++);
  expect(await until(plan.id, "done", "failed")).toMatchObject({
    state: "done",
    shardsDone: shards,
    share: 1,
  });
  expect(done).toBe(shards);
  expect(await folder.read("out/results.jsonl")).toBe(await alone());
  expect(await queue.list()).toEqual([plan.id]);
});

test("a job is submitted once; an unknown one is an error", async () => {
  const { folder: path, plan } = await submitted("out");
  await expect(queue.submit(path, plan)).rejects.toMatchObject({ code: "usage" });
  await expect(queue.status("other")).rejects.toMatchObject({ code: "not-found" });
  await expect(queue.retry(plan.id, planIn)).rejects.toMatchObject({ code: "usage" });
});

test("a cancelled job stops, and a retry does only what is left", async () => {
  const { plan } = await submitted("out");
  let done = 0;
  const cancelAfter = new Promise<void>((resolve) => {
    startWorker(() => {
      if (++done === 3) resolve();
    });
  });
  await cancelAfter;
  await queue.cancel(plan.id);
  await workers.pop()?.close();
  const status = await queue.status(plan.id);
  expect(status.state).toBe("cancelled");
  const before = done;
  expect(before).toBeLessThan(plan.shards.length);
  startWorker(() => done++);
  await wait(200);
  expect(done).toBe(before);
  await queue.retry(plan.id, planIn);
  await until(plan.id, "done");
  expect(done).toBe(plan.shards.length);
  expect(await folder.read("out/results.jsonl")).toBe(await alone());
});

test("a submission that was cut off is waiting, and the next one goes on with it", async () => {
  const request = await folder.request([input], "out", { shardBytes: 300 });
  const plan = await openPlan(request, true);
  const record = { folder: request.folder, shards: plan.shards.length, round: 0 };
  await queue.redis.hset(`${queue.prefix}:job:${plan.id}`, record);
  expect(await queue.status(plan.id)).toMatchObject({ state: "waiting", shardsDone: 0 });
  expect(await queue.known(plan.id)).toBeUndefined();
  await queue.submit(request.folder, plan);
  startWorker();
  expect(await until(plan.id, "done", "failed")).toMatchObject({ state: "done" });
  expect(await folder.read("out/results.jsonl")).toBe(await alone());
});

test("a job whose results were deleted is done again by retry; one whose results are there is not", async () => {
  const { folder: path, plan } = await submitted("out");
  startWorker();
  await until(plan.id, "done", "failed");
  const results = await folder.read("out/results.jsonl");
  await expect(queue.retry(plan.id, planIn)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("got one that is done"),
  });
  for (const name of ["parts", "manifest.json", "results.jsonl"]) {
    await rm(join(path, name), { recursive: true });
  }
  await queue.retry(plan.id, planIn);
  expect(await until(plan.id, "done", "failed")).toMatchObject({ state: "done" });
  expect(await folder.read("out/results.jsonl")).toBe(results);
});

test("a machine that does not see the folder gives its shards to others, and says so", async () => {
  const { folder: path, plan } = await submitted("out");
  await rename(path, `${path}-away`);
  const told = new Promise<Error>((resolve) => startWorker(undefined, resolve));
  expect(await told).toMatchObject({
    code: "output",
    message: expect.stringContaining("the plan of the job is not there"),
  });
  await rename(`${path}-away`, path);
  expect(await until(plan.id, "done", "failed")).toMatchObject({ state: "done", shardsFailed: 0 });
  expect(await folder.read("out/results.jsonl")).toBe(await alone());
});

test("a tagger's job by two workers has the bytes of one process", async () => {
  const model = await modelOf(await folder.write("tagger.safetensors", featureTagger()), {
    precision: "f64",
  });
  const rows = Array.from({ length: 40 }, (_, i) => `${JSON.stringify(steps(1 + (i % 5), i))}\n`);
  const path = await folder.write("rows.jsonl", rows.join(""));
  const request = await folder.request([path], "tags", { model, shardBytes: 300 });
  const plan = await openPlan(request, true);
  await queue.submit(request.folder, plan);
  for (let i = 0; i < 2; i++) startWorker();
  expect(await until(plan.id, "done", "failed")).toMatchObject({ state: "done" });
  const other = await folder.request([path], "tags-alone", { model });
  const scorer = await Scorer.open(model, 1);
  await runLocally(other.folder, await openPlan(other, true), scorer);
  await scorer.close();
  expect(await folder.read("tags/results.jsonl")).toBe(
    await folder.read("tags-alone/results.jsonl"),
  );
});

test("a shard that cannot be done fails the job with its reason; the others are done", async () => {
  const second = await folder.write("second.txt", (await textLines(20)).join("\n"));
  const { plan } = await submitted("out", [input, second]);
  await folder.write("second.txt", "other text");
  startWorker();
  const status = await until(plan.id, "done", "failed");
  const failed = plan.shards.filter((shard) => shard.input === 1).length;
  expect(status).toMatchObject({
    state: "failed",
    shardsFailed: failed,
    shardsDone: plan.shards.length - failed,
    reason: expect.stringContaining(`${failed} of ${plan.shards.length} shards are not done`),
  });
  await expect(folder.read("out/results.jsonl")).rejects.toMatchObject({ code: "ENOENT" });
});

test("Redis ends and comes back while a job runs: every shard is done, with the bytes of one process", async () => {
  const { plan } = await submitted("out");
  let done = 0;
  const some = new Promise<void>((resolve) => {
    startWorker(() => {
      if (++done === 2) resolve();
    });
  });
  await some;
  await redis.halt();
  await wait(300);
  await redis.resume();
  startWorker(() => done++);
  expect(await until(plan.id, "done", "failed")).toMatchObject({ state: "done" });
  expect(await folder.read("out/results.jsonl")).toBe(await alone());
});
