import type { AbortSignalLike } from "../host.js";
import type { LanguageModelOptions, TaggerOptions } from "../model/loading.js";
import { checkRunOptions, type OnError, type RunOptions } from "../model/time_slices.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe, isTypedArray } from "../tensor.js";
import type { EngineOptions } from "../wasm/engine.js";
import { coreCount } from "./host.js";
import type { PoolStream } from "./stream.js";
import type { StreamRecordOptions } from "./stream_record.js";
import type { WorkerLike } from "./worker_port.js";

/** What `onBatch` is told: so many pushes or sequences were computed together at a worker. */
export interface PoolBatch {
  readonly kind: "push" | "sequences" | "run";
  /** Streams that were pushed, or sequences. */
  readonly rows: number;
  /** Milliseconds from the call, of pushes the first one, until it was sent. */
  readonly waited: number;
  /** Milliseconds that the worker took. */
  readonly worked: number;
}

/** Options of every pool. */
export interface WorkerOptions {
  /** The number of workers. Default: the cores of the machine. */
  readonly size?: number | undefined;
  /** The most calls that are open at a time, those of streams among them. Default 1000. */
  readonly maxQueue?: number | undefined;
  /**
   * How many workers may end while they have the same sequence, which then gets a `WorkerLostError`. Also: how often in a row
   * a worker may fail to start before its place is given up. Default 3.
   */
  readonly tries?: number | undefined;
  /** Milliseconds within which a worker has to be ready; one that is not is ended. Default 30,000. */
  readonly startTimeout?: number | undefined;
  /**
   * Starts a worker whose script imports `recurra/pool/worker`. Default: the script of this package, which Node, Deno, Bun,
   * Vite, webpack, rspack and Parcel find by themselves.
   */
  readonly worker?: (() => WorkerLike) | undefined;
  /** Options of the engine of each worker. `wasm`, if given, is bytes or a module. */
  readonly engine?: EngineOptions | undefined;
  /** Called for everything that a worker has computed, for histograms of batch sizes and times. */
  readonly onBatch?: ((batch: PoolBatch) => void) | undefined;
}

/** Options of `createPool`: those of `loadLanguageModel`, and those of the pool. */
export interface PoolOptions extends LanguageModelOptions, WorkerOptions {}

/** Options of `createTaggerPool`: those of `loadTagger`, and those of the pool. */
export interface TaggerPoolOptions extends TaggerOptions, WorkerOptions {}

/** Options of `pool.score`. */
export interface PoolScoreOptions<E extends OnError = "throw">
  extends Omit<RunOptions<E>, "yieldEvery"> {
  /** A stream of the pool that has read the start of every sequence. The stream is not changed. */
  readonly from?: PoolStream | undefined;
}

/** Options of `pool.scoreMany`. */
export interface PoolScoreManyOptions<E extends OnError = "throw">
  extends Omit<PoolScoreOptions<E>, "onProgress"> {
  /** The most sequences that are held at a time. Default 256 for each worker. */
  readonly concurrency?: number | undefined;
}

/** Options of `pool.tag`. */
export interface PoolTagOptions<E extends OnError = "throw">
  extends Omit<RunOptions<E>, "yieldEvery"> {}

/** Options of `pool.tagMany`. */
export interface PoolTagManyOptions<E extends OnError = "throw">
  extends Omit<PoolTagOptions<E>, "onProgress"> {
  /** The most sequences that are held at a time. Default 256 for each worker. */
  readonly concurrency?: number | undefined;
}

/** Options of `pool.stream`. */
export interface PoolStreamOptions {
  /** After how many pushes the state is saved, for the case that the worker ends. Default: it is not saved. */
  readonly checkpointEvery?: number | undefined;
  /** A state to begin in, as `state.toBytes` gives it. Bytes that are none are the error of every later command. */
  readonly from?: Uint8Array | undefined;
}

/** Options of a push. */
export interface PoolPushOptions {
  /** Ends the wait: what no worker has yet is not read by the stream. */
  readonly signal?: AbortSignalLike | undefined;
}

/** Options of `pool.pushAll`. */
export interface PoolPushAllOptions extends PoolPushOptions {
  /** Whether the state of each stream after its push comes with the result. Default false. */
  readonly states?: boolean | undefined;
  /** Whether the first error rejects the call (the default), or each stands in `errors`. */
  readonly onError?: OnError | undefined;
}

/** Options of `pool.close`. */
export interface CloseOptions {
  /** Whether open calls are finished first; otherwise they reject with a `StateError`. Default true. */
  readonly drain?: boolean | undefined;
}

const NAMES: OptionNames<PoolOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  start: true,
  size: true,
  maxQueue: true,
  tries: true,
  startTimeout: true,
  worker: true,
  engine: true,
  onBatch: true,
};
const TAGGER_NAMES: OptionNames<TaggerPoolOptions> = {
  precision: true,
  input: true,
  vocabulary: true,
  unknown: true,
  output: true,
  activation: true,
  classes: true,
  normalisation: true,
  targetNormalisation: true,
  size: true,
  maxQueue: true,
  tries: true,
  startTimeout: true,
  worker: true,
  engine: true,
  onBatch: true,
};
export const SCORE_NAMES: OptionNames<PoolScoreOptions> = {
  signal: true,
  onProgress: true,
  onError: true,
  from: true,
};
export const SCORE_MANY_NAMES: OptionNames<PoolScoreManyOptions> = {
  signal: true,
  onError: true,
  from: true,
  concurrency: true,
};
export const TAG_NAMES: OptionNames<PoolTagOptions> = {
  signal: true,
  onProgress: true,
  onError: true,
};
export const TAG_MANY_NAMES: OptionNames<PoolTagManyOptions> = {
  signal: true,
  onError: true,
  concurrency: true,
};
const STREAM_NAMES: OptionNames<PoolStreamOptions> = { checkpointEvery: true, from: true };
const PUSH_NAMES: OptionNames<PoolPushOptions> = { signal: true };
const PUSH_ALL_NAMES: OptionNames<PoolPushAllOptions> = {
  signal: true,
  states: true,
  onError: true,
};
const CLOSE_NAMES: OptionNames<CloseOptions> = { drain: true };

/** Options of a pool, complete, and apart from those of its model. */
export interface PoolSettings {
  readonly size: number;
  readonly maxQueue: number;
  readonly tries: number;
  readonly startTimeout: number;
  readonly worker: (() => WorkerLike) | undefined;
  readonly engine: EngineOptions;
  readonly onBatch: ((batch: PoolBatch) => void) | undefined;
  /** Those of the model. */
  readonly model: object;
}

/** Checks what the workers do not check. */
export function settingsOf<O extends WorkerOptions>(
  where: string,
  options: O,
  names: OptionNames<O>,
): PoolSettings {
  checkOptions(where, options, names);
  const {
    size = coreCount(),
    maxQueue = 1000,
    tries = 3,
    startTimeout = 30_000,
    worker,
    engine = {},
    onBatch,
    ...model
  } = options;
  checkCount(where, "size", size);
  checkCount(where, "maxQueue", maxQueue);
  checkCount(where, "tries", tries);
  checkCount(where, "startTimeout", startTimeout);
  for (const [name, given] of Object.entries({ worker, onBatch })) {
    if (given === undefined || typeof given === "function") continue;
    throw new TypeError(`${where}: ${name}: expected a function, got ${describe(given)}`);
  }
  return { size, maxQueue, tries, startTimeout, worker, engine, onBatch, model };
}

/** The settings of a pool of a language model. */
export const languageSettings = (where: string, options: PoolOptions): PoolSettings =>
  settingsOf(where, options, NAMES);

/** The settings of a pool of a tagger. */
export const taggerSettings = (where: string, options: TaggerPoolOptions): PoolSettings =>
  settingsOf(where, options, TAGGER_NAMES);

/** Checks the options of `pool.stream`. */
export function checkStreamOptions(where: string, options: PoolStreamOptions): StreamRecordOptions {
  checkOptions(where, options, STREAM_NAMES);
  const { checkpointEvery, from } = options;
  if (checkpointEvery !== undefined) checkCount(where, "checkpointEvery", checkpointEvery);
  if (from !== undefined && !isTypedArray(from, "Uint8Array")) {
    throw new TypeError(`${where}: from: expected Uint8Array, got ${describe(from)}`);
  }
  return { checkpointEvery, from: from && Uint8Array.from(from) };
}

/** Checks the options of a push. */
export function checkPushOptions(where: string, options: PoolPushOptions): void {
  checkOptions(where, options, PUSH_NAMES);
  checkRunOptions(where, options);
}

/** Checks the options of `pool.pushAll`. */
export function checkPushAllOptions(where: string, options: PoolPushAllOptions): void {
  checkOptions(where, options, PUSH_ALL_NAMES);
  checkRunOptions(where, options);
  const { states } = options;
  if (states === undefined || typeof states === "boolean") return;
  throw new TypeError(`${where}: states: expected true or false, got ${describe(states)}`);
}

/** Checks the options of `pool.close`; returns `drain`. */
export function checkCloseOptions(where: string, options: CloseOptions): boolean {
  checkOptions(where, options, CLOSE_NAMES);
  const { drain = true } = options;
  if (typeof drain === "boolean") return drain;
  throw new TypeError(`${where}: drain: expected true or false, got ${describe(drain)}`);
}

/** Throws unless `value` is an integer ≥ 1. */
function checkCount(where: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  const kind = typeof value === "number" ? RangeError : TypeError;
  const got = typeof value === "number" ? value : describe(value);
  throw new kind(`${where}: ${name}: expected an integer ≥ 1, got ${got}`);
}
