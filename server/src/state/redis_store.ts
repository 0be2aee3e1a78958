import { type ChainableCommander, Redis } from "ioredis";
import type { OpenStore, StoredStream, StoreOptions, StreamSave, StreamStore } from "./store.js";
import { StoreWatch, storeUnavailable } from "./store_watch.js";

/** Begins the names of all keys of streams. */
const PREFIX = "recurra:stream:";
/** The key that is written to learn whether Redis takes writes. */
const PROBE = "recurra:probe";
/** Milliseconds between two such writes. */
const PROBE_EVERY = 1000;
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
  readonly #watch: StoreWatch;
  readonly #timer: NodeJS.Timeout;
  #probe: Promise<void> | undefined;
  #isClosed = false;

  constructor(redis: Redis, { timeToLive, log }: StoreOptions) {
    this.#redis = redis;
    this.#timeToLive = timeToLive;
    this.#watch = new StoreWatch(log);
    this.#timer = setInterval(() => void this.probe(), PROBE_EVERY).unref();
    redis.on("error", (error: Error) => this.#lost("Redis: the connection failed", error));
    redis.on("close", () => this.#lost("Redis: the connection is lost"));
    redis.on("ready", () => void this.probe());
  }

  get isUp(): boolean {
    return this.#watch.isUp;
  }

  get losses(): number {
    return this.#watch.losses;
  }

  /**
   * Learns whether Redis takes a write. A `PING` would not tell: a Redis that is full, that is a replica, or whose disk is full
   * answers it.
   */
  probe(): Promise<void> {
    this.#probe ??= this.#write().finally(() => {
      this.#probe = undefined;
    });
    return this.#probe;
  }

  async #write(): Promise<void> {
    if (this.#redis.status !== "ready") return;
    try {
      await this.#redis.set(PROBE, "", "PX", 10 * PROBE_EVERY);
      if (!this.#isClosed) this.#watch.found("Redis: it takes the states of streams");
    } catch (error) {
      this.#lost("Redis: it does not take a write", error);
    }
  }

  #lost(reason: string, error?: unknown): void {
    if (!this.#isClosed) this.#watch.lost(reason, error);
  }

  /** The answer of Redis, or a `Problem` if there is none. */
  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      void this.probe();
      throw storeUnavailable(error);
    }
  }

  /** While Redis is away nobody waits for it: one that hangs would hold up every batch of pushes. */
  #checkUp(): void {
    if (!this.isUp) throw storeUnavailable();
  }

  async load(id: string): Promise<StoredStream | undefined> {
    this.#checkUp();
    const found = await this.#answered(() => this.#redis.hgetallBuffer(PREFIX + id));
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
    this.#checkUp();
    const pipeline = this.#redis.pipeline() as unknown as Commands;
    for (const { id, expected, stream } of saves) {
      const { model, modelHash, position, bytes } = stream;
      const state = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const live = this.#timeToLive * 1000;
      pipeline.saveStream(PREFIX + id, expected, model, modelHash, position, state, live);
    }
    return this.#answered(async () => {
      const results = await pipeline.exec();
      return (results ?? []).map(([error, saved]) => {
        if (error !== null) throw error;
        return saved === 1;
      });
    });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#answered(() => this.#redis.del(PREFIX + id))) === 1;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#redis.disconnect();
  }
}

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
  const store = new RedisStore(redis, { address, timeToLive, log });
  // A Redis that is away at the start is as one that goes away later.
  await redis.connect().catch(() => undefined);
  await store.probe();
  return store;
};
