import { randomUUID } from "node:crypto";
import { StateError } from "recurra";
import { Problem } from "../problem.js";
import type { Step, StepsGiven } from "../serving/backend.js";
import type { BatchEvents } from "../serving/batcher.js";
import type { Registry } from "../serving/registry.js";
import type { ModelVersion } from "../serving/version.js";
import type { WorkSignal } from "../serving/work_signal.js";
import type { Settings } from "../settings.js";
import type { StreamStore } from "../state/store.js";
import { LiveStream, type PendingPush, type Pushed } from "./live_stream.js";
import { PushBatcher, type PushHost } from "./push_batcher.js";

type Limits = Pick<Settings, "maxLiveBatch" | "maxDelay" | "maxQueue" | "maxStreams" | "streamTtl">;

/** Options of a push. */
interface PushOptions {
  /** The position at which the client believes the stream to be; another one is a conflict. */
  readonly expected?: number | undefined;
  /** Takes the push back as long as no worker has it. */
  readonly signal?: WorkSignal | undefined;
}

/** The live streams of this instance. With a store every instance has those of all. */
export class StreamTable implements PushHost {
  readonly store: StreamStore | undefined;
  readonly limits: Limits;
  readonly #registry: Registry;
  readonly #events: (model: string) => BatchEvents;
  readonly #streams = new Map<string, LiveStream>();
  readonly #batchers = new Map<ModelVersion, PushBatcher>();
  /** Streams that are being read from the store, so that two requests do not open one twice. */
  readonly #opening = new Map<string, Promise<LiveStream>>();
  readonly #sweep: NodeJS.Timeout;

  constructor(of: {
    registry: Registry;
    limits: Limits;
    store: StreamStore | undefined;
    events: (model: string) => BatchEvents;
  }) {
    this.#registry = of.registry;
    this.limits = of.limits;
    this.store = of.store;
    this.#events = of.events;
    const every = Math.min(10_000, (of.limits.streamTtl * 1000) / 4);
    this.#sweep = setInterval(() => this.#endIdle(), every).unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Pushes that no worker has. */
  get waiting(): number {
    return [...this.#batchers.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /**
   * Makes a stream, at the beginning or in a state.
   *
   * @throws a `Problem` `overloaded` if there are too many, `model-mismatch` or `invalid-request` for a state that cannot be used
   */
  async create(
    version: ModelVersion,
    given: { id?: string; from?: Uint8Array; position?: number } = {},
  ): Promise<LiveStream> {
    const { id = randomUUID(), from, position = 0 } = given;
    if (this.#streams.size >= this.limits.maxStreams) {
      throw new Problem("overloaded", `${this.#streams.size} streams are live`, { retryAfter: 1 });
    }
    if (this.#streams.has(id)) throw new Problem("invalid-request", "id: a stream has it");
    const live = new LiveStream(id, version, version.backend.openStream(from), {
      position,
      saved: 0,
    });
    this.#streams.set(id, live);
    try {
      await live.inner.opened;
      await this.#saveFirst(live);
      return live;
    } catch (error) {
      this.drop(live, error as Error);
      if (!(error instanceof StateError)) throw error;
      throw new Problem("model-mismatch", error.message, { cause: error });
    }
  }

  async #saveFirst(live: LiveStream): Promise<void> {
    if (this.store === undefined) return;
    const bytes = await live.inner.state();
    const { name, hash } = live.version;
    const stream = { model: name, modelHash: hash, bytes, position: live.position };
    const [isSaved] = await this.store.save([{ id: live.id, expected: 0, stream }]);
    if (isSaved !== true) throw new Problem("invalid-request", "id: a stream has it");
    live.saved = 1;
  }

  /** A stream that is live here, or in the store. @throws a `Problem` of code `stream-not-found` */
  async get(id: string): Promise<LiveStream> {
    const live = this.#streams.get(id);
    if (live !== undefined) {
      live.lastUsed = performance.now();
      return live;
    }
    if (this.store === undefined) throw notFound(id);
    let opening = this.#opening.get(id);
    if (opening === undefined) {
      opening = this.#open(id).finally(() => this.#opening.delete(id));
      this.#opening.set(id, opening);
    }
    return opening;
  }

  /** A stream that is live here. */
  find(id: string): LiveStream | undefined {
    return this.#streams.get(id);
  }

  async #open(id: string): Promise<LiveStream> {
    const stored = await this.store?.load(id);
    if (stored === undefined) throw notFound(id);
    const version = this.#versionOf(stored.model, stored.modelHash);
    const { position, version: saved } = stored;
    const live = new LiveStream(id, version, version.backend.openStream(stored.bytes), {
      position,
      saved,
    });
    this.#streams.set(id, live);
    return live;
  }

  #versionOf(model: string, hash: string): ModelVersion {
    const found = this.#registry.versions.find((each) => each.name === model && each.hash === hash);
    if (found !== undefined) return found;
    throw new Problem(
      "model-mismatch",
      `the stream belongs to model ${model} with the SHA-256 ${hash}, which is not loaded`,
    );
  }

  /** A stream that is what the store has now: another instance may have pushed it. */
  async current(id: string): Promise<LiveStream> {
    const live = await this.get(id);
    if (this.store !== undefined && !live.isBusy) await this.reload(live);
    return live;
  }

  async reload(live: LiveStream): Promise<void> {
    const stored = await this.store?.load(live.id);
    if (stored === undefined) throw notFound(live.id);
    if (stored.version === live.saved) return;
    const { position, version: saved } = stored;
    live.replace(live.version.backend.openStream(stored.bytes), { position, saved });
  }

  /** Reads steps. Of what the model does not know nothing is read. */
  push(live: LiveStream, given: StepsGiven, options: PushOptions = {}): Promise<Pushed> {
    try {
      return this.pushSteps(live, live.version.backend.readSteps(given), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Reads steps that were checked. */
  pushSteps(
    live: LiveStream,
    steps: readonly Step[],
    { expected, signal }: PushOptions = {},
  ): Promise<Pushed> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const settle = (outcome: Pushed | Error): void =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome);
      const push = { steps, expected, settle };
      this.add(live, push);
      signal?.addEventListener("abort", () =>
        this.#batchers.get(live.version)?.withdraw(live, push, signal.reason as Error),
      );
    });
  }

  /** Takes a push whose steps were checked. */
  add(live: LiveStream, push: PendingPush): void {
    if (live.isClosed) throw notFound(live.id);
    const { version } = live;
    let batcher = this.#batchers.get(version);
    if (batcher === undefined) {
      batcher = new PushBatcher(version, this, this.#events(version.name));
      this.#batchers.set(version, batcher);
      void version.closed.then(() => this.#batchers.delete(version));
    }
    batcher.add(live, push);
  }

  /** Another stream that has read the same steps. */
  async fork(live: LiveStream): Promise<LiveStream> {
    if (this.#streams.size >= this.limits.maxStreams) {
      throw new Problem("overloaded", `${this.#streams.size} streams are live`, { retryAfter: 1 });
    }
    const fork = new LiveStream(randomUUID(), live.version, live.inner.fork(), {
      position: live.position,
      saved: 0,
    });
    this.#streams.set(fork.id, fork);
    try {
      await this.#saveFirst(fork);
      return fork;
    } catch (error) {
      this.drop(fork, error as Error);
      throw error;
    }
  }

  /** Ends a stream for all instances. */
  async remove(id: string): Promise<void> {
    const live = this.#streams.get(id);
    const wasStored = this.store !== undefined && (await this.store.remove(id));
    if (live === undefined && !wasStored) throw notFound(id);
    if (live !== undefined) this.drop(live, notFound(id));
  }

  /** Ends a stream here. */
  drop(live: LiveStream, reason: Error): void {
    if (this.#streams.get(live.id) === live) this.#streams.delete(live.id);
    const waiting = live.close(reason);
    this.#batchers.get(live.version)?.forget(waiting);
  }

  #endIdle(): void {
    const before = performance.now() - this.limits.streamTtl * 1000;
    for (const live of this.#streams.values()) {
      if (live.lastUsed < before && !live.isBusy && live.waiting.length === 0)
        this.drop(live, notFound(live.id));
    }
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const live of [...this.#streams.values()])
      this.drop(live, new Problem("not-ready", "the server is ending"));
  }
}

const notFound = (id: string): Problem =>
  new Problem("stream-not-found", `stream: ${JSON.stringify(id.slice(0, 100))}`);
