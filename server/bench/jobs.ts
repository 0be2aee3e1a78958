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

export async function jobs({ workers }: BenchOptions): Promise<Row[]> {
  const folder = `${FOLDER}/jobs`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const input = `${folder}/lines.txt`;
  await writeInput(input, SHARDS * LINES);
  const shared = ["--model", MODEL, "--shard-bytes", String(41 * LINES), "--input", input];
  const threads = ["--threads", String(workers)];
  const redis = await TestRedis.start();
  const client = new Redis(redis.url);
  try {
    const before = await counters(client);
    const at = ["--redis", redis.url];
    await job("submit", ...shared, "--output", `${folder}/shared`, ...at);
    const submitted = await counters(client);
    const byRedis = await job(
      "run",
      ...shared,
      "--output",
      `${folder}/shared`,
      "-q",
      ...at,
      ...threads,
    );
    const after = await counters(client);
    const here = await job("run", ...shared, "--output", `${folder}/here`, "-q", ...threads);
    const each = (from: number, to: number): number => (to - from) / SHARDS;
    const micro = (from: number, to: number): string => `${whole(1e6 * each(from, to))} µs`;
    const large = `${folder}/large.txt`;
    await writeInput(large, LARGE);
    const bytes = statSync(large).size;
    const planOf = (file: string, output: string) =>
      job("submit", "--model", MODEL, "--input", file, "--output", `${folder}/${output}`, ...at);
    const planned = await planOf(large, "large");
    const middle = `${folder}/middle.txt`;
    await writeInput(middle, MIDDLE);
    // What every command takes: the start of a process, the model, Redis.
    const start = await planOf(middle, "start");
    const words = ["--model", MODEL, "--input", middle, "--output", `${folder}/middle`, "-q"];
    const scored = await job("run", ...words, ...threads);
    const rate = MIDDLE / (scored.seconds - start.seconds);
    const without = await alone("f64", workers, 5);
    const row = (what: string, got: string): Row => ({ what, got });
    return [
      row(`job run of ${whole(MIDDLE)} lines, against scoreSync alone`, times(rate / without)),
      row(
        `job of ${SHARDS} shards, ${LINES} lines each, by Redis`,
        `${byRedis.seconds.toFixed(1)} s`,
      ),
      row("the same without Redis", `${here.seconds.toFixed(1)} s`),
      row(
        "Redis commands for a shard, submission",
        each(before.commands, submitted.commands).toFixed(1),
      ),
      row("Redis commands for a shard, work", each(submitted.commands, after.commands).toFixed(1)),
      row("Redis processor time for a shard", micro(before.seconds, after.seconds)),
      row(
        "Redis memory for a shard that waits",
        `${whole(each(before.memory, submitted.memory))} bytes`,
      ),
      row("append-only file for a shard", `${whole(each(before.disk, after.disk))} bytes`),
      row(
        `plan of ${whole(LARGE)} lines`,
        `${whole(bytes / 1e6 / (planned.seconds - start.seconds))} MB/s`,
      ),
    ];
  } finally {
    client.disconnect();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
