import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRedisStore } from "../../src/state/redis_store.js";
import type { StoredStream, StreamSave, StreamStore } from "../../src/state/store.js";
import { TestRedis } from "../support/redis.js";

const messages: string[] = [];
const fields: Record<string, unknown>[] = [];
const note = (each: object, message: string): void => {
  messages.push(message);
  fields.push({ ...each });
};
const log = { warn: note, info: note };

let redis: TestRedis;
let store: StreamStore;
let other: StreamStore;

const open = (timeToLive = 60): Promise<StreamStore> =>
  openRedisStore({ address: redis.url, timeToLive, log });

beforeAll(async () => {
  redis = await TestRedis.start();
  store = await open();
  other = await open();
});
afterAll(async () => {
  await store.close();
  await other.close();
  await redis.stop();
});

const stream = (...bytes: number[]): Omit<StoredStream, "version"> => ({
  model: "letters",
  modelHash: "ab12",
  position: bytes.length,
  bytes: Uint8Array.from(bytes),
});
const saving = (id: string, expected: number, ...bytes: number[]): StreamSave => ({
  id,
  expected,
  stream: stream(...bytes),
});

test("a stream is there for every instance, with the same bytes", async () => {
  expect(await store.load("a")).toBeUndefined();
  const all = Array.from({ length: 256 }, (_, i) => i);
  expect(await store.save([saving("a", 0, ...all)])).toEqual([true]);
  expect(await other.load("a")).toEqual({ version: 1, ...stream(...all) });
  expect(await other.save([saving("a", 1, 9)])).toEqual([true]);
  expect(await store.load("a")).toEqual({ version: 2, ...stream(9) });
});

test("a save with another version than that of the store changes nothing", async () => {
  expect(await store.save([saving("b", 0, 1), saving("b2", 0, 1)])).toEqual([true, true]);
  expect(await other.save([saving("b", 0, 2), saving("b2", 1, 2)])).toEqual([false, true]);
  expect(await store.save([saving("b", 7, 3)])).toEqual([false]);
  expect(await store.load("b")).toMatchObject({ version: 1, bytes: Uint8Array.of(1) });
});

test("of 40 instances that save the same version one does, time after time", async () => {
  await store.save([saving("race", 0, 0)]);
  for (let version = 1; version <= 20; version++) {
    const saves = Array.from({ length: 40 }, (_, i) =>
      (i % 2 ? store : other).save([saving("race", version, i)]),
    );
    const made = (await Promise.all(saves)).flat();
    expect(made.filter(Boolean)).toHaveLength(1);
    const winner = made.indexOf(true);
    expect(await store.load("race")).toMatchObject({
      version: version + 1,
      bytes: Uint8Array.of(winner),
    });
  }
});

test("a removed stream is gone, and so is one whose time to live has passed", async () => {
  await store.save([saving("c", 0, 1)]);
  expect(await store.remove("c")).toBe(true);
  expect(await store.remove("c")).toBe(false);
  expect(await store.load("c")).toBeUndefined();
  const brief = await open(0.05);
  await brief.save([saving("d", 0, 1)]);
  for (let i = 0; i < 500 && (await brief.load("d")) !== undefined; i++) await wait(10);
  expect(await brief.load("d")).toBeUndefined();
  await brief.close();
});

test("while Redis is away every call fails with state-unavailable; then the streams are there again", async () => {
  await store.save([saving("e", 0, 1, 2, 3)]);
  await redis.halt("SIGTERM");
  for (let i = 0; i < 500 && store.isUp; i++) await wait(10);
  expect(store.isUp).toBe(false);
  const refused = { code: "state-unavailable", status: 503, retryAfter: 1 };
  await expect(store.load("e")).rejects.toMatchObject(refused);
  await expect(store.save([saving("e", 1, 4)])).rejects.toMatchObject(refused);
  await expect(store.remove("e")).rejects.toMatchObject(refused);
  await redis.resume();
  for (let i = 0; i < 1000 && !store.isUp; i++) await wait(10);
  expect(await store.load("e")).toMatchObject({ version: 1, bytes: Uint8Array.of(1, 2, 3) });
  expect(await store.save([saving("e", 1, 4)])).toEqual([true]);
  expect(messages).toContain("Redis: the connection is lost");
});

test("loss and return: one line of the log each, with what the store is now", async () => {
  const lone = await open();
  expect([lone.isUp, lone.losses]).toEqual([true, 0]);
  fields.length = 0;
  messages.length = 0;
  await store.close();
  await other.close();
  await redis.halt();
  await expect.poll(() => lone.isUp).toBe(false);
  // Some attempts to connect later there is no further line.
  await wait(700);
  expect(fields).toEqual([{ store: "down" }]);
  await redis.resume();
  await expect.poll(() => lone.isUp, { timeout: 5000 }).toBe(true);
  expect(fields.slice(1)).toEqual([{ store: "up", awaySeconds: expect.any(Number) }]);
  expect(lone.losses).toBe(1);
  await lone.close();
});

test("a Redis that answers but takes no writes is away; what is there can be removed", async () => {
  const lone = await open();
  await lone.save([saving("f", 0, 1)]);
  const admin = new Redis(redis.port);
  await admin.call("REPLICAOF", "127.0.0.1", "1");
  await expect.poll(() => lone.isUp, { timeout: 5000 }).toBe(false);
  expect(await admin.ping()).toBe("PONG");
  await expect(lone.save([saving("f", 1, 2)])).rejects.toMatchObject({ code: "state-unavailable" });
  await admin.call("REPLICAOF", "NO", "ONE");
  await expect.poll(() => lone.isUp, { timeout: 5000 }).toBe(true);
  expect(await lone.save([saving("f", 1, 2)])).toEqual([true]);
  await admin.config("SET", "maxmemory", "1");
  await expect.poll(() => lone.isUp, { timeout: 5000 }).toBe(false);
  expect(await lone.remove("f")).toBe(true);
  admin.disconnect();
  await lone.close();
});
