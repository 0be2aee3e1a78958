import { checkConcurrency, checkIterable, iteratorOf } from "../model/score_stream.js";
import type { Score } from "../model/score_work.js";
import { checkRunOptions, type OnError, type Outcome } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions } from "../options.js";
import { ASYNC_DISPOSE } from "./disposal.js";
import {
  type CloseOptions,
  checkCloseOptions,
  checkStreamOptions,
  type PoolOptions,
  type PoolScoreManyOptions,
  type PoolScoreOptions,
  type PoolStreamOptions,
  SCORE_MANY_NAMES,
  SCORE_NAMES,
  settingsOf,
} from "./options.js";
import { PoolCore, type PoolModel, type PoolStats } from "./pool_core.js";
import { scoreInOrder } from "./score_many.js";
import type { PoolSource } from "./source.js";
import { PoolStream } from "./stream.js";

/** Sequences that `scoreMany` holds for each worker. */
const HELD = 256;

/** Workers that serve one model. Made by `createPool`. */
export class Pool {
  readonly #core: PoolCore;

  /** @internal */
  constructor(core: PoolCore) {
    this.#core = core;
  }

  /** What the model of the pool knows, as a `LanguageModel` has it. */
  get model(): PoolModel {
    return this.#core.model;
  }

  /**
   * Scores sequences as `model.score` does, on all workers: the same results with the same bits, and the same errors. The work
   * is divided by the lengths of the sequences.
   *
   * @returns a score for each sequence, in order; with `onError: "return"` an error for each that cannot be scored
   * @throws {TypeError | RangeError} for a value that is no sequence, or a token that the model does not know
   * @throws {AbortedError} if `signal` aborts: `completed` holds the scores that were done
   * @throws {QueueFullError} if `maxQueue` calls are open
   * @throws {WorkerLostError} if the workers that had a sequence ended, `tries` times
   */
  async score<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: PoolScoreOptions<E> = {},
  ): Promise<Outcome<Score, E>[]> {
    const where = "score";
    checkOptions(where, options, SCORE_NAMES);
    checkRunOptions(where, options);
    const { from, onError = "throw", signal, onProgress } = options;
    if (from !== undefined) this.#core.checkStream(where, from);
    const given = this.#core.readAll(where, sequences);
    return this.#core.track(where, async () => {
      const state = from && (await this.#core.stateOf(where, from));
      const setup = { where, given, first: 0, onError, from: state, signal, onProgress } as const;
      return (await this.#core.score(setup)) as Outcome<Score, E>[];
    });
  }

  /**
   * Scores sequences as they arrive, in order and in bounded memory: at most `concurrency` of them are held. Reading, scoring and
   * giving out go on side by side. The source's `return` is called if it is left before its end.
   *
   * @throws the errors of `score`, in the place of the sequence at fault: after all scores before it
   */
  scoreMany<E extends OnError = "throw">(
    sequences: AsyncIterable<Sequence> | Iterable<Sequence>,
    options: PoolScoreManyOptions<E> = {},
  ): AsyncGenerator<Outcome<Score, E>, void, void> {
    const where = "scoreMany";
    const core = this.#core;
    checkOptions(where, options, SCORE_MANY_NAMES);
    checkRunOptions(where, options);
    const { from, onError = "throw", signal, concurrency } = options;
    if (from !== undefined) core.checkStream(where, from);
    core.checkOpen(where);
    checkIterable(sequences);
    if (concurrency !== undefined) checkConcurrency(concurrency);
    // As it is now: the work begins later. Its error is that of the first group.
    const state = from && core.stateOf(where, from);
    state?.catch(() => undefined);
    const owner = {};
    const scores = scoreInOrder({
      open: () => iteratorOf(sequences),
      concurrency: concurrency ?? HELD * core.size,
      workers: core.size,
      signal,
      onError,
      read: (sequence, i) => core.read(where, sequence, i),
      score: async (given, first, ended) => {
        const setup = { where, given, first, onError: "return", from: await state } as const;
        const call = { ...setup, signal: ended, onProgress: undefined };
        return core.count(() => core.score(call, owner));
      },
    });
    return scores as AsyncGenerator<Outcome<Score, E>, void, void>;
  }

  /** A live stream of tokens, at the worker that has the fewest. To be disposed of. */
  stream(options: PoolStreamOptions = {}): PoolStream {
    const checkpointEvery = checkStreamOptions("stream", options);
    return new PoolStream(this.#core, this.#core.newStream("stream", checkpointEvery));
  }

  /** What the pool does at the moment. */
  stats(): PoolStats {
    return this.#core.stats();
  }

  /**
   * Ends the workers, and all streams. Every later call rejects with a `StateError`; a second `close` waits for the first one. A
   * Node process does not need it to end: workers without work do not keep it alive.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#core.close(checkCloseOptions("close", options));
  }

  /** Calls `close` at the end of an `await using` block. */
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.close();
  }
}

/**
 * Starts workers that serve one language model, each with an engine of its own. Resolves when all of them are ready.
 *
 * @param source a safetensors file with PyTorch's names: its bytes, a `Response` or a `Blob`, or its address; or the
 *   description that the reader of another format gave
 * @throws the errors of `loadLanguageModel`
 * @throws {FeatureError} if a worker does not start: the message tells how to name its script
 */
export async function createPool(source: PoolSource, options: PoolOptions = {}): Promise<Pool> {
  const where = "createPool";
  return new Pool(await PoolCore.open(where, source, settingsOf(where, options)));
}
