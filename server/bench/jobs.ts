// What a shard of a job costs Redis, and what reading, planning and joining cost: the numbers behind docs/decisions/jobs.md.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { TestRedis } from "../test/support/redis.js";
import { FOLDER, MODEL, readLines } from "./fixture.js";
import type { BenchOptions } from "./options.js";
import { type Row, times, whole } from "./table.js";
import { alone } from "./throughput.js";

const run = promisify(execFile);
const MAIN = "server/dist/main.js";
/** Shards of the measured job, and lines in each: few, so that Redis and not the model is measured. */
const [SHARDS, LINES] = [400, 20];
/** Lines of the input whose plan is timed, and of the one that is scored in one piece. */
const [LARGE, MIDDLE] = [8_000_000, 20_000];

const job = async (...words: string[]): Promise<{ seconds: number; stdout: string }> => {
  const start = performance.now();
  const { stdout } = await run(process.execPath, [MAIN, "job", ...words]);
  return { seconds: (performance.now() - start) / 1000, stdout };
};

/** Commands that Redis has run, seconds of processor that it took, bytes of its data, bytes of its append-only file. */
async function counters(client: Redis) {
  const text = await client.info();
  const number = (name: string): number =>
    Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1] ?? Number.NaN);
  return {
    commands: number("total_commands_processed"),
    seconds: number("used_cpu_user") + number("used_cpu_sys"),
    memory: number("used_memory"),
    disk: number("aof_current_size"),
  };
}

async function writeInput(path: string, lines: number): Promise<void> {
  const file = createWriteStream(path);
  const all = readLines().map((line) => `${line.replaceAll("\n", " ")}\n`);
  for (let i = 0; i < lines; i++) {
    if (!file.write(all[i % all.length])) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

const row = (what: string, got: string): Row => ({ what, got });

/** A job of small shards: what each costs Redis. */
async function redisCost(folder: string, redis: TestRedis, threads: string[]): Promise<Row[]> {
  const input = `${folder}/lines.txt`;
  await writeInput(input, SHARDS * LINES);
  const shared = ["--model", MODEL, "--shard-bytes", String(41 * LINES), "--input", input];
  const at = ["--output", `${folder}/shared`, "--redis", redis.url];
  const client = new Redis(redis.url);
  const before = await counters(client);
  await job("submit", ...shared, ...at);
  const submitted = await counters(client);
  const byRedis = await job("run", ...shared, ...at, ...threads);
  const after = await counters(client);
  client.disconnect();
  const here = await job("run", ...shared, "--output", `${folder}/here`, ...threads);
  const each = (from: number, to: number): number => (to - from) / SHARDS;
  const seconds = ({ seconds: found }: { seconds: number }): string => `${found.toFixed(1)} s`;
  const bytes = (from: number, to: number): string => `${whole(each(from, to))} bytes`;
  return [
    row(`job of ${SHARDS} shards, ${LINES} lines each, by Redis`, seconds(byRedis)),
    row("the same without Redis", seconds(here)),
    row(
      "Redis commands for a shard, submission",
      each(before.commands, submitted.commands).toFixed(1),
    ),
    row("Redis commands for a shard, work", each(submitted.commands, after.commands).toFixed(1)),
    row(
      "Redis processor time for a shard",
      `${whole(1e6 * each(before.seconds, after.seconds))} µs`,
    ),
    row("Redis memory for a shard that waits", bytes(before.memory, submitted.memory)),
    row("append-only file for a shard", bytes(before.disk, after.disk)),
  ];
}

/** Large inputs: the scan of a plan, scores in one piece, the size of results. */
async function fileCost(folder: string, redis: TestRedis, workers: number): Promise<Row[]> {
  const [large, middle] = [`${folder}/large.txt`, `${folder}/middle.txt`];
  await writeInput(large, LARGE);
  await writeInput(middle, MIDDLE);
  const words = (input: string, output: string): string[] => [
    ...["--model", MODEL, "--input", input, "--output", `${folder}/${output}`],
  ];
  const planned = await job("submit", ...words(large, "large"), "--redis", redis.url);
  // What every command takes: the start of a process, the model, Redis.
  const start = await job("submit", ...words(middle, "start"), "--redis", redis.url);
  const threads = ["-q", "--threads", String(workers)];
  const scored = await job("run", ...words(middle, "jsonl"), ...threads);
  await job("run", ...words(middle, "parquet"), "--to", "parquet", ...threads);
  const rate = MIDDLE / (scored.seconds - start.seconds);
  const { perSecond: without } = await alone("f64", workers, 5);
  const scan = statSync(large).size / 1e6 / (planned.seconds - start.seconds);
  const bytes = ["jsonl", "parquet"].map((format) =>
    whole(statSync(`${folder}/${format}/results.${format}`).size / MIDDLE),
  );
  return [
    row(`plan of ${whole(LARGE)} lines`, `${whole(scan)} MB/s`),
    row(`job run of ${whole(MIDDLE)} lines, against scoreSync alone`, times(rate / without)),
    row("bytes of a result: JSON lines, Parquet", bytes.join(", ")),
  ];
}

export async function jobs({ workers }: BenchOptions): Promise<Row[]> {
  const folder = `${FOLDER}/jobs`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const redis = await TestRedis.start();
  try {
    const costs = await redisCost(folder, redis, ["-q", "--threads", String(workers)]);
    return [...costs, ...(await fileCost(folder, redis, workers))];
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
