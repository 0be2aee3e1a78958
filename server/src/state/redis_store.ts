import { type ChainableCommander, Redis } from "ioredis";
import { Problem } from "../problem.js";
import type { OpenStore, StoredStream, StoreOptions, StreamSave, StreamStore } from "./store.js";

/** Begins the names of all keys. */
const PREFIX = "recurra:stream:";
/** A command that Redis does not answer in this time has failed: milliseconds. */
const ANSWER_MS = 1000;
/** The longest pause between two tries to connect again: milliseconds. */
const LONGEST_PAUSE = 500;

/**
 * Compares the version, and sets all fields if it is the one expected.
 *
 * KEYS[1] the stream · ARGV: expected version, model, model's hash, position, bytes, milliseconds to live
 */
const SAVE = `
local version = tonumber(redis.call("HGET", KEYS[1], "version") or "0")
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call("HSET", KEYS[1], "version", version + 1, "model", ARGV[2], "hash", ARGV[3],
  "position", ARGV[4], "bytes", ARGV[5])
redis.call("PEXPIRE", KEYS[1], ARGV[6])
return 1
`;

/** Redis with the command of the script. */
interface Commands extends ChainableCommander {
  saveStream(key: string, ...values: (string | number | Uint8Array)[]): this;
}

/** Streams in Redis: a hash each, with a time to live. */
class RedisStore implements StreamStore {
  readonly #redis: Redis;
  readonly #timeToLive: number;

  constructor(redis: Redis, timeToLive: number) {
    this.#redis = redis;
    this.#timeToLive = timeToLive;
  }

  async load(id: string): Promise<StoredStream | undefined> {
    const found = await answered(this.#redis.hgetallBuffer(PREFIX + id));
    const { version, model, hash, position, bytes } = found as Record<string, Buffer | undefined>;
    if (version === undefined || bytes === undefined) return undefined;
    return {
      version: Number(version),
      model: String(model),
      modelHash: String(hash),
      position: Number(position),
      bytes: Uint8Array.from(bytes),
    };
  }

  async save(saves: readonly StreamSave[]): Promise<boolean[]> {
    const pipeline = this.#redis.pipeline() as unknown as Commands;
    for (const { id, expected, stream } of saves) {
      const { model, modelHash, position, bytes } = stream;
      const state = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const live = this.#timeToLive * 1000;
      pipeline.saveStream(PREFIX + id, expected, model, modelHash, position, state, live);
    }
    const results = await answered(pipeline.exec());
    return (results ?? []).map(([error, saved]) => {
      if (error !== null) throw unavailable(error);
      return saved === 1;
    });
  }

  async remove(id: string): Promise<boolean> {
    return (await answered(this.#redis.del(PREFIX + id))) === 1;
  }

  isReady(): boolean {
    return this.#redis.status === "ready";
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }
}

/** The answer of Redis, or a `Problem` if there is none. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unavailable(error);
  }
}

const unavailable = (cause: unknown): Problem =>
  new Problem("state-unavailable", "the store of states did not answer: try again", {
    retryAfter: 1,
    cause,
  });

/**
 * Streams in a Redis or Valkey. While it cannot be reached every call fails at once, and the connection is made again by
 * itself.
 */
export const openRedisStore: OpenStore = async ({ address, timeToLive, log }: StoreOptions) => {
  const redis = new Redis(address, {
    lazyConnect: true,
    // A push must not wait for a Redis that is away: its client is told at once.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: ANSWER_MS,
    retryStrategy: (times) => Math.min(times * 50, LONGEST_PAUSE),
  });
  redis.defineCommand("saveStream", { numberOfKeys: 1, lua: SAVE });
  let wasReady = false;
  redis.on("error", (error: Error) => log.warn({ err: error }, "Redis: the connection failed"));
  redis.on("close", () => {
    if (wasReady) log.warn({}, "Redis: the connection is lost");
    wasReady = false;
  });
  redis.on("ready", () => {
    wasReady = true;
    log.info({}, "Redis: connected");
  });
  // A Redis that is away at the start is as one that goes away later.
  await redis.connect().catch(() => undefined);
  return new RedisStore(redis, timeToLive);
};
