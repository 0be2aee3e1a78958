import { QueueFullError, StateError } from "../errors.js";
import type { Score } from "../model/score_work.js";
import { type Sequence, Tokenizer, TokenMatcher, type Vocabulary } from "../model/vocabulary.js";
import { checkInstance, describe } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { type CallSetup, type Given, ScoreCall } from "./call.js";
import { Crew, noWorkers } from "./crew.js";
import type { PoolSettings } from "./options.js";
import type { ModelFacts } from "./protocol.js";
import { CallQueue } from "./queue.js";
import { type PoolSource, portableModel } from "./source.js";
import { spawn } from "./spawn.js";
import { isOf, PoolStream, recordOf, type StreamHost } from "./stream.js";
import { StreamRecord } from "./stream_record.js";

/** What a pool does at the moment. */
export interface PoolStats {
  /** Each worker, and the streams that live there. A worker that ended is starting again. */
  readonly workers: readonly {
    readonly state: "starting" | "idle" | "busy";
    readonly streams: number;
  }[];
  /** Calls that are open. */
  readonly calls: number;
  /** Sequences that no worker has yet. */
  readonly waiting: number;
  /** Sequences that are at workers. */
  readonly running: number;
  /** Sequences of the calls that have finished. */
  readonly finished: number;
  /** Workers that took the place of one that had ended. */
  readonly restarts: number;
}

/** What is known of the model of a pool. */
export interface PoolModel {
  readonly vocabulary: Vocabulary | undefined;
  /** The number of different tokens. */
  readonly size: number;
  readonly precision: Precision;
  /** The token before every sequence, if there is one. */
  readonly start: number | undefined;
  /** What the model file does not say and was inferred, a sentence each. */
  readonly assumptions: readonly string[];
}

type Setup = Omit<CallSetup, "tokenizer" | "workers" | "tries">;

/** The workers of a pool and the calls that wait for them. */
export class PoolCore implements StreamHost {
  readonly model: PoolModel;
  readonly tokenizer: Tokenizer;
  readonly #settings: PoolSettings;
  readonly #crew: Crew;
  readonly #queue: CallQueue;
  #calls = 0;
  #finished = 0;
  #closing: Promise<void> | undefined;
  /** Called when no call is open. */
  #onIdle: (() => void) | undefined;

  private constructor(
    settings: PoolSettings,
    { crew, queue }: { crew: Crew; queue: CallQueue },
    { size, start, vocabulary, unknown, assumptions }: ModelFacts,
  ) {
    this.#settings = settings;
    this.#crew = crew;
    this.#queue = queue;
    const matcher = vocabulary && new TokenMatcher("createPool", vocabulary, size);
    this.tokenizer = new Tokenizer(size, matcher, unknown);
    const { precision = "f64" } = settings.model;
    this.model = { vocabulary: this.tokenizer.vocabulary, size, precision, start, assumptions };
  }

  static async open(where: string, source: PoolSource, settings: PoolSettings): Promise<PoolCore> {
    const { size, tries, worker = spawn, engine, model: options } = settings;
    const model = await portableModel(where, source);
    const queue = new CallQueue();
    const crew = new Crew({
      size,
      tries,
      spawn: worker,
      open: { kind: "open", model, options, engine },
      nextPortion: (isIdle) => queue.next(isIdle),
      broken: (cause) => queue.fail((called) => noWorkers(called, cause)),
    });
    const facts = await crew.start();
    crew.keepAlive(false);
    return new PoolCore(settings, { crew, queue }, facts);
  }

  /** The number of workers that were asked for. */
  get size(): number {
    return this.#settings.size;
  }

  /** Throws if the pool takes no calls any more. */
  checkOpen(where: string): void {
    if (this.#closing !== undefined) throw new StateError(`${where}: the pool is closed`);
    const { cause } = this.#crew;
    if (cause !== undefined) throw noWorkers(where, cause);
  }

  async track<R>(where: string, call: () => Promise<R>): Promise<R> {
    this.checkOpen(where);
    const { maxQueue } = this.#settings;
    if (this.#calls >= maxQueue) throw new QueueFullError(where, maxQueue);
    return this.count(call);
  }

  /** A sequence, checked, or the reason why it cannot be used. */
  read(where: string, sequence: Sequence, i: number): Given {
    try {
      return this.tokenizer.read(where, `sequences[${i}]`, sequence);
    } catch (error) {
      return error as Error;
    }
  }

  readAll(where: string, sequences: readonly Sequence[]): Given[] {
    if (!Array.isArray(sequences)) {
      throw new TypeError(`${where}: sequences: expected an array, got ${describe(sequences)}`);
    }
    return Array.from(sequences as readonly Sequence[], (each, i) => this.read(where, each, i));
  }

  /** Scores what was read. Calls of one owner are worked on in their order, those of others in turns. */
  async score(setup: Setup, owner: object = setup): Promise<(Score | Error)[]> {
    this.checkOpen(setup.where);
    const { tries } = this.#settings;
    const call = new ScoreCall({ ...setup, tokenizer: this.tokenizer, workers: this.size, tries });
    this.#queue.add(call, owner);
    this.#crew.fill();
    try {
      const results = await call.finished;
      this.#finished += results.length;
      return results;
    } finally {
      this.#queue.remove(call);
    }
  }

  newStream(where: string, checkpointEvery: number | undefined): StreamRecord {
    this.checkOpen(where);
    const { workers } = this.#crew;
    const worker = workers.reduce((least, each) => (each.streams < least.streams ? each : least));
    return new StreamRecord(worker, checkpointEvery);
  }

  /** Throws unless `stream` is one of this pool. */
  checkStream(where: string, stream: PoolStream): void {
    checkInstance(where, "from", PoolStream, "a stream of the pool", stream);
    if (!isOf(this, stream)) throw new StateError(`${where}: from: a stream of another pool`);
    recordOf(where, stream);
  }

  /** The state of a stream after the commands that were given before. */
  async stateOf(where: string, stream: PoolStream): Promise<Uint8Array> {
    return (await recordOf(where, stream).ask(where, { name: "toBytes" })) as Uint8Array;
  }

  stats(): PoolStats {
    const workers = this.#crew.workers.map(
      ({ isReady, load, streams }) =>
        ({ state: !isReady ? "starting" : load > 0 ? "busy" : "idle", streams }) as const,
    );
    const { restarts } = this.#crew;
    return {
      workers,
      calls: this.#calls,
      ...this.#queue.counts,
      finished: this.#finished,
      restarts,
    };
  }

  close(drain: boolean): Promise<void> {
    if (!drain) this.#queue.fail((where) => new StateError(`${where}: the pool was closed`));
    this.#closing ??= this.#close(drain);
    return this.#closing;
  }

  async #close(drain: boolean): Promise<void> {
    if (drain && this.#calls > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#crew.close();
  }

  /** Counts a call as open until it is settled: meanwhile the workers keep the process alive. */
  async count<R>(call: () => Promise<R>): Promise<R> {
    this.#calls++;
    this.#crew.keepAlive(true);
    try {
      return await call();
    } finally {
      this.#calls--;
      if (this.#calls === 0) {
        this.#crew.keepAlive(false);
        this.#onIdle?.();
      }
    }
  }
}
