import { StateError } from "../errors.js";
import { readTokens } from "../model/live_streams.js";
import type { Score } from "../model/score_work.js";
import { checkRunOptions, type OnError, type Outcome } from "../model/time_slices.js";
import { type Sequence, Tokenizer, TokenMatcher, type Vocabulary } from "../model/vocabulary.js";
import { checkOptions } from "../options.js";
import { checkInstance } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { type CallPlan, checkList, type Given, readOne } from "./call_setup.js";
import {
  checkStreamOptions,
  type PoolScoreManyOptions,
  type PoolScoreOptions,
  type PoolStreamOptions,
  SCORE_MANY_NAMES,
  SCORE_NAMES,
} from "./options.js";
import { PoolCore } from "./pool_core.js";
import type { LanguageFacts } from "./protocol.js";
import { pushToAll } from "./push_all.js";
import type { PushedStates } from "./push_call.js";
import type { PoolPushAllOptions, PoolPushOptions } from "./push_options.js";
import { poolOf, recordOf } from "./remote_stream.js";
import { workOnMany } from "./score_many.js";
import { SCORES } from "./scores.js";
import { languageSettings, type PoolOptions } from "./settings.js";
import type { PoolSource } from "./source.js";
import { spawn } from "./spawn.js";
import { PoolStream } from "./stream.js";
import { WorkerPool } from "./worker_pool.js";

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

/** What `pool.pushAll` gives with `states` or `onError: "return"`. */
export interface PoolPushed extends PushedStates {
  /** For each stream what `push` gives; NaN for one with an error. */
  readonly logProbs: Float64Array;
}

/** Workers that serve one model. Made by `createPool`. */
export class Pool extends WorkerPool {
  readonly #core: PoolCore;
  readonly #tokenizer: Tokenizer;
  /** What the model of the pool knows, as a `LanguageModel` has it. */
  readonly model: PoolModel;

  /** @internal */
  constructor(core: PoolCore) {
    super(core);
    const { size, start, vocabulary, unknown, assumptions } = core.facts<LanguageFacts>();
    const matcher = vocabulary && new TokenMatcher("createPool", vocabulary, size);
    this.#core = core;
    this.#tokenizer = new Tokenizer(size, matcher, unknown);
    const { precision = "f64" } = core.settings.model as PoolOptions;
    const { vocabulary: own } = this.#tokenizer;
    this.model = { vocabulary: own, size, precision, start, assumptions };
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
    if (from !== undefined) this.#checkStream(where, from);
    checkList(where, sequences);
    const given = Array.from(sequences, (each, i) => this.#read(where, each, i));
    const core = this.#core;
    return core.track(where, async () => {
      const plan = this.#plan(where, from && (await stateOf(where, from)));
      const call: CallPlan<Score> = { ...plan, given, first: 0, onError, signal, onProgress };
      return (await core.work(call)) as Outcome<Score, E>[];
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
    checkOptions(where, options, SCORE_MANY_NAMES);
    checkRunOptions(where, options);
    const { from } = options;
    if (from !== undefined) this.#checkStream(where, from);
    // As it is now: the work begins later. Its error is that of the first group.
    const state = from && stateOf(where, from);
    state?.catch(() => undefined);
    return workOnMany<Sequence, Score, E>(this.#core, {
      where,
      sequences,
      options,
      read: (sequence, i) => this.#read(where, sequence, i),
      work: async (some, owner) =>
        this.#core.work({ ...this.#plan(where, await state), ...some, onError: "return" }, owner),
    });
  }

  /** A live stream of tokens, at the worker that has the fewest. To be disposed of. */
  stream(options: PoolStreamOptions = {}): PoolStream {
    const record = this.#core.newStream("stream", checkStreamOptions("stream", options));
    return new PoolStream(this.#core, record, this.#tokenizer);
  }

  /**
   * Pushes a token to each of many streams: one message to each worker, which computes them together. Every stream gets the
   * bits that it gets alone. A stream may stand in the list several times; it reads its tokens in the order of the list.
   *
   * @param tokens one for each stream: ids, or tokens of the vocabulary
   * @returns for each stream what `push` gives; with `states: true` or `onError: "return"` the states and errors beside them
   * @throws {TypeError | RangeError | StateError} for something else than streams of this pool and tokens: no stream moves then
   * @throws {StreamLostError} if the worker of a stream ended: the other streams have read their tokens
   * @throws {AbortedError} if `signal` aborts: what a worker had by then was read
   */
  pushAll(
    streams: readonly PoolStream[],
    tokens: ArrayLike<number | string>,
    options: PoolPushAllOptions & ({ readonly states: true } | { readonly onError: "return" }),
  ): Promise<PoolPushed>;
  pushAll(
    streams: readonly PoolStream[],
    tokens: ArrayLike<number | string>,
    options?: PoolPushOptions,
  ): Promise<Float64Array>;
  async pushAll(
    streams: readonly PoolStream[],
    tokens: ArrayLike<number | string>,
    options: PoolPushAllOptions = {},
  ): Promise<Float64Array | PoolPushed> {
    let logProbs = new Float64Array(0);
    const done = await pushToAll(this.#core, {
      streams,
      kind: PoolStream,
      options,
      operand: "tokens",
      inputs: (n) => {
        const ids = new Int32Array(n);
        readTokens("pushAll", this.#tokenizer, tokens, { n, ids });
        return ids;
      },
      results: (n) => {
        logProbs = new Float64Array(n).fill(Number.NaN);
        return (place, { numbers }, row) => {
          logProbs[place] = numbers[row] as number;
        };
      },
    });
    const { states = false, onError } = options;
    return states || onError === "return" ? { logProbs, ...done } : logProbs;
  }

  /** A sequence, checked, or the reason why it cannot be used. */
  #read(where: string, sequence: Sequence, i: number): Given {
    return readOne(() => this.#tokenizer.read(where, `sequences[${i}]`, sequence));
  }

  /** What all calls have in common. */
  #plan(where: string, from: Uint8Array | undefined) {
    return { kind: SCORES, where, from, tokenizer: this.#tokenizer };
  }

  /** Throws unless `stream` is one of this pool. */
  #checkStream(where: string, stream: PoolStream): void {
    checkInstance(where, "from", PoolStream, "a stream of the pool", stream);
    if (poolOf(stream) !== this.#core) {
      throw new StateError(`${where}: from: a stream of another pool`);
    }
    recordOf(where, stream);
  }
}

/** The state of a stream after the commands that were given before. */
async function stateOf(where: string, stream: PoolStream): Promise<Uint8Array> {
  return (await recordOf(where, stream).ask(where, { name: "toBytes" })) as Uint8Array;
}

/** Packs ids. */
const packIds = (ids: readonly unknown[]): Int32Array => Int32Array.from(ids as readonly number[]);

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
  const settings = languageSettings(where, options);
  const serves = "language";
  return new Pool(await PoolCore.open({ where, source, settings, serves, spawn, pack: packIds }));
}
