import type { OutputKind } from "../description/description.js";
import { ShapeError } from "../errors.js";
import type { Normalisation } from "../model/normalisation.js";
import { readInput, type Tagged, type TaggerInput } from "../model/tagger_content.js";
import type { TaggerStep } from "../model/tagger_stream.js";
import { checkRunOptions, type OnError, type Outcome } from "../model/time_slices.js";
import { Tokenizer, TokenMatcher, type Vocabulary } from "../model/vocabulary.js";
import { checkOptions } from "../options.js";
import { describe, isAnyTypedArray } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { type CallKind, type CallPlan, checkList, type Given, readOne } from "./call_setup.js";
import {
  checkStreamOptions,
  type PoolStreamOptions,
  type PoolTagManyOptions,
  type PoolTagOptions,
  TAG_MANY_NAMES,
  TAG_NAMES,
} from "./options.js";
import { PoolCore } from "./pool_core.js";
import type { PushedInputs, TaggerFacts } from "./protocol.js";
import { pushToAll } from "./push_all.js";
import type { PushedStates } from "./push_call.js";
import type { PoolPushAllOptions } from "./push_options.js";
import { workOnMany } from "./score_many.js";
import { type TaggerPoolOptions, taggerSettings } from "./settings.js";
import type { PoolSource } from "./source.js";
import { spawn } from "./spawn.js";
import { PoolTaggerStream, readStep, type TaggerOfPool } from "./tagger_stream.js";
import { tagsOf } from "./tags.js";
import { WorkerPool } from "./worker_pool.js";

/** What is known of the tagger of a pool. */
export interface PoolTagger {
  readonly outputSize: number;
  /** The number of different tokens, or of features. */
  readonly inputSize: number;
  readonly output: OutputKind;
  readonly precision: Precision;
  readonly classes: readonly string[] | undefined;
  readonly normalisation: Normalisation | undefined;
  readonly targetNormalisation: Normalisation | undefined;
  /** Undefined if rows of numbers go in, or the tokens have no names. */
  readonly vocabulary: Vocabulary | undefined;
  readonly assumptions: readonly string[];
}

/** What `pushAll` of a tagger's pool gives: a row for each stream. */
export interface PoolTagged extends Tagged, PushedStates {}

/** Workers that serve one tagger. Made by `createTaggerPool`. */
export class TaggerPool extends WorkerPool {
  /** What the tagger knows, as a `Tagger` has it. */
  readonly model: PoolTagger;
  readonly #core: PoolCore;
  readonly #tagger: TaggerOfPool;
  readonly #kind: CallKind<Tagged>;

  /** @internal */
  constructor(core: PoolCore) {
    super(core);
    const facts = core.facts<TaggerFacts>();
    const { tokenCount, vocabulary, unknown, ...known } = facts;
    const matcher = vocabulary && new TokenMatcher("createTaggerPool", vocabulary, tokenCount);
    const tokenizer = tokenCount > 0 ? new Tokenizer(tokenCount, matcher, unknown) : undefined;
    const { precision = "f64" } = core.settings.model as TaggerPoolOptions;
    const { outputSize, inputSize, output, classes, normalisation, targetNormalisation } = known;
    const sizes = { outputSize, inputSize, output, precision, classes };
    const { assumptions } = known;
    this.#core = core;
    this.#tagger = { facts, tokenizer };
    this.#kind = tagsOf(facts);
    const scales = { normalisation, targetNormalisation };
    this.model = { ...sizes, ...scales, vocabulary: tokenizer?.vocabulary, assumptions };
  }

  /**
   * Tags sequences as `tagger.tag` does, on all workers: the same results with the same bits, and the same errors.
   *
   * @returns a result for each sequence, in order; with `onError: "return"` an error for each that cannot be tagged
   * @throws {TypeError | RangeError} for a value that is no sequence of this tagger
   * @throws {AbortedError} if `signal` aborts: `completed` holds the results that were done
   * @throws {QueueFullError} if `maxQueue` calls are open
   * @throws {WorkerLostError} if the workers that had a sequence ended, `tries` times
   */
  async tag<E extends OnError = "throw">(
    sequences: readonly TaggerInput[],
    options: PoolTagOptions<E> = {},
  ): Promise<Outcome<Tagged, E>[]> {
    const where = "tag";
    checkOptions(where, options, TAG_NAMES);
    checkRunOptions(where, options);
    const { onError = "throw", signal, onProgress } = options;
    checkList(where, sequences);
    const given = Array.from(sequences, (each, i) => this.#read(where, each, i));
    const plan = this.#plan(where);
    const call: CallPlan<Tagged> = { ...plan, given, first: 0, onError, signal, onProgress };
    const core = this.#core;
    return core.track(where, async () => (await core.work(call)) as Outcome<Tagged, E>[]);
  }

  /**
   * Tags sequences as they arrive, in order and in bounded memory: at most `concurrency` of them are held.
   *
   * @throws the errors of `tag`, in the place of the sequence at fault: after all results before it
   */
  tagMany<E extends OnError = "throw">(
    sequences: AsyncIterable<TaggerInput> | Iterable<TaggerInput>,
    options: PoolTagManyOptions<E> = {},
  ): AsyncGenerator<Outcome<Tagged, E>, void, void> {
    const where = "tagMany";
    const core = this.#core;
    checkOptions(where, options, TAG_MANY_NAMES);
    checkRunOptions(where, options);
    return workOnMany<TaggerInput, Tagged, E>(core, {
      where,
      sequences,
      options,
      read: (sequence, i) => this.#read(where, sequence, i),
      work: (some, owner) => core.work({ ...this.#plan(where), ...some, onError: "return" }, owner),
    });
  }

  /**
   * A live stream of steps, at the worker that has the fewest. To be disposed of. Of a tagger that cannot stream every command
   * rejects.
   */
  stream(options: PoolStreamOptions = {}): PoolTaggerStream {
    const record = this.#core.newStream("stream", checkStreamOptions("stream", options));
    return new PoolTaggerStream(this.#core, record, this.#tagger);
  }

  /**
   * Pushes a step to each of many streams: one message to each worker, which computes them together. A stream may stand in the
   * list several times; it reads its steps in the order of the list.
   *
   * @param steps one for each stream: ids or tokens, or rows of nx numbers
   * @returns a row for each stream: what its `push` gives, NaN for one with an error
   * @throws {TypeError | RangeError | StateError} for something else than streams of this pool and steps: no stream moves then
   * @throws {StreamLostError} if the worker of a stream ended: the other streams have read their steps
   * @throws {AbortedError} if `signal` aborts: what a worker had by then was read
   */
  async pushAll(
    streams: readonly PoolTaggerStream[],
    steps: ArrayLike<TaggerStep>,
    options: PoolPushAllOptions = {},
  ): Promise<PoolTagged> {
    const { outputSize: ny, classes: names } = this.#tagger.facts;
    let data = new Float64Array(0);
    let classes = new Int32Array(0);
    const done = await pushToAll(this.#core, {
      streams,
      kind: PoolTaggerStream,
      options,
      operand: "steps",
      inputs: (count) => this.#readSteps(steps, count),
      results: (count) => {
        data = new Float64Array(count * ny).fill(Number.NaN);
        classes = new Int32Array(count);
        return (place, reply, row) => {
          data.set(reply.numbers.subarray(row * ny, (row + 1) * ny), place * ny);
          classes[place] = (reply.classes as Int32Array)[row] as number;
        };
      },
    });
    const tagged = { values: { shape: [classes.length, ny], data }, classes, ...done };
    if (names === undefined) return tagged;
    return { ...tagged, labels: Array.from(classes, (id) => names[id] ?? "") };
  }

  #readSteps(steps: ArrayLike<TaggerStep>, count: number): (number | Float64Array)[] {
    const where = "pushAll";
    if (!Array.isArray(steps) && !isAnyTypedArray(steps)) {
      throw new TypeError(`${where}: steps: expected a list, got ${describe(steps)}`);
    }
    if (steps.length !== count) {
      const got = steps.length;
      throw new ShapeError(`${where}: steps: expected ${count}, one a stream, got ${got}`);
    }
    return Array.from(steps, (step, i) => readStep(where, `steps[${i}]`, step, this.#tagger));
  }

  /** A copy of a sequence, checked, or the reason why it cannot be used. */
  #read(where: string, sequence: TaggerInput, i: number): Given {
    const { facts, tokenizer } = this.#tagger;
    const { inputSize, hint } = facts;
    return readOne(() => {
      const kind = { tokenizer, hint, network: { inputSize } };
      const read = readInput(where, kind, sequence, `sequences[${i}]`);
      if (typeof read === "string" || read instanceof Int32Array) return read;
      return { shape: [...read.shape], data: read.data.slice() };
    });
  }

  /** What all calls have in common. */
  #plan(where: string) {
    return { kind: this.#kind, where, tokenizer: this.#tagger.tokenizer };
  }
}

/** Packs ids, or rows one after the other. */
function packSteps(steps: readonly unknown[]): PushedInputs {
  if (typeof steps[0] === "number") return Int32Array.from(steps as readonly number[]);
  const rows = steps as readonly Float64Array[];
  const width = rows[0]?.length ?? 0;
  const all = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    all.set(row, i * width);
  });
  return all;
}

/**
 * Starts workers that serve one tagger, each with an engine of its own. Resolves when all of them are ready.
 *
 * @param source as for `createPool`
 * @throws the errors of `loadTagger`
 * @throws {FeatureError} if a worker does not start: the message tells how to name its script
 */
export async function createTaggerPool(
  source: PoolSource,
  options: TaggerPoolOptions = {},
): Promise<TaggerPool> {
  const where = "createTaggerPool";
  const settings = taggerSettings(where, options);
  const serves = "tagger";
  const plan = { where, source, settings, serves, spawn, pack: packSteps } as const;
  return new TaggerPool(await PoolCore.open(plan));
}
