// Live streams over one WebSocket: 1,000 streams, one token each in turn; then the memory of 5,000 sockets.
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { createEngine, loadLanguageModel } from "recurra";
import { TestRedis } from "../test/support/redis.js";
import { LiveClient } from "./live_client.js";
import { CLASSES, writeLiveModel } from "./live_model.js";
import type { BenchOptions } from "./options.js";
import { Service } from "./service.js";
import { median, megabytes, type Row, whole } from "./table.js";

const STREAMS = 1000;
/** Frames on the way: while one is computed, the next one is read. */
const IN_FLIGHT = 2;

const tokenOf = (stream: number, t: number): number => (stream * 7 + t * 13) % CLASSES;
const numbers = (first: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => first + i);

function start(workers: number, state = "memory"): Promise<Service> {
  const model = `live=${writeLiveModel("live")}`;
  const words = ["--model", model, "--port", "0", "--workers", String(workers)];
  return Service.start("server/dist/main.js", [...words, "--state", state]);
}

/** Throws if the server's numbers are not those of a stream of the library. */
async function check(client: LiveClient, streams: Uint32Array): Promise<void> {
  const model = await loadLanguageModel(await createEngine(), readFileSync(writeLiveModel("live")));
  const own = Array.from(streams.subarray(0, 20), () => model.stream());
  for (let t = 0; t < 5; t++) {
    const { logProbs, failed } = await client.push(
      streams,
      streams.map((s) => tokenOf(s, t)) as never,
    );
    own.forEach((stream, i) => {
      const expected = stream.push(tokenOf(i, t));
      if (failed === 0 && logProbs[i] === expected) return;
      throw new Error(`live: stream ${i}, step ${t}: expected ${expected}, got ${logProbs[i]}`);
    });
  }
}

/** Tokens per second. */
async function tokensPerSecond(workers: number, seconds: number, state?: string): Promise<number> {
  const service = await start(workers, state);
  try {
    const client = await LiveClient.connect(service.url);
    await client.open(0, STREAMS);
    const streams = numbers(0, STREAMS);
    await check(client, streams);
    const begin = performance.now();
    const end = begin + 1000 * seconds;
    let tokens = 0;
    let t = 5;
    const push = async (): Promise<void> => {
      while (performance.now() < end) {
        const step = t++;
        const ids = Int32Array.from(streams, (s) => tokenOf(s, step));
        const { failed } = await client.push(streams, ids);
        if (failed > 0) throw new Error(`live: ${failed} of ${STREAMS} steps failed`);
        tokens += STREAMS;
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, push));
    const rate = (1000 * tokens) / (performance.now() - begin);
    client.close();
    return rate;
  } finally {
    await service.stop();
  }
}

export async function live({ workers, seconds, rounds }: BenchOptions): Promise<Row[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await tokensPerSecond(workers, seconds));
  const redis = await TestRedis.start();
  const kept = await tokensPerSecond(workers, seconds, redis.url).finally(() => redis.stop());
  const what = `live tokens/s, one WebSocket, ${whole(STREAMS)} streams, nx 32, na 64, ${CLASSES} classes`;
  return [
    { what, got: whole(median(rates)), must: "50,000", aim: "100,000" },
    { what: "the same with states in Redis after each push", got: whole(kept) },
  ];
}

const [SOCKETS, EACH] = [5000, 2];

export async function memory({ workers }: BenchOptions): Promise<Row[]> {
  const service = await start(workers);
  try {
    const { now: before } = service.memory();
    const clients: LiveClient[] = [];
    for (let i = 0; i < SOCKETS; i += 100) {
      const some = Array.from({ length: 100 }, () => LiveClient.connect(service.url));
      clients.push(...(await Promise.all(some)));
    }
    const streams = numbers(0, EACH);
    for (let t = 0; t < 3; t++) {
      for (let i = 0; i < SOCKETS; i += 250) {
        await Promise.all(
          clients.slice(i, i + 250).map(async (client) => {
            if (t === 0) await client.open(0, EACH);
            const { failed } = await client.push(streams, Int32Array.of(t, t + 1));
            if (failed > 0) throw new Error(`memory: ${failed} steps failed`);
          }),
        );
      }
    }
    await wait(2000);
    const { now, most } = service.memory();
    for (const client of clients) client.close();
    const what = `memory with ${whole(SOCKETS)} WebSockets, ${whole(SOCKETS * EACH)} streams (at start, now, at most)`;
    const got = [before, now, most].map(megabytes).join(", ");
    return [{ what, got, must: "≤ 1 GB", aim: "≤ 400 MB" }];
  } finally {
    await service.stop();
  }
}
