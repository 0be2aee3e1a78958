import type { LanguageModelOptions } from "../model/loading.js";
import type { OnError, RunOptions } from "../model/time_slices.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { EngineOptions } from "../wasm/engine.js";
import { coreCount } from "./host.js";
import type { PoolStream } from "./stream.js";
import type { WorkerLike } from "./worker_port.js";

/** Options of `createPool`: those of `loadLanguageModel`, and those of the pool. */
export interface PoolOptions extends LanguageModelOptions {
  /** The number of workers. Default: the cores of the machine. */
  readonly size?: number | undefined;
  /** The most calls that are open at a time, those of streams among them. Default 1000. */
  readonly maxQueue?: number | undefined;
  /**
   * How many workers may end while they have the same sequence, which then gets a `WorkerLostError`. Also: how often in a row
   * a worker may fail to start before its place is given up. Default 3.
   */
  readonly tries?: number | undefined;
  /**
   * Starts a worker whose script imports `recurra/pool/worker`. Default: the script of this package, which Node, Deno, Bun,
   * Vite, webpack, rspack and Parcel find by themselves.
   */
  readonly worker?: (() => WorkerLike) | undefined;
  /** Options of the engine of each worker. `wasm`, if given, is bytes or a module. */
  readonly engine?: EngineOptions | undefined;
}

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

/** Options of `pool.stream`. */
export interface PoolStreamOptions {
  /** After how many pushes the state is saved, for the case that the worker ends. Default: it is not saved. */
  readonly checkpointEvery?: number | undefined;
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
  worker: true,
  engine: true,
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
const STREAM_NAMES: OptionNames<PoolStreamOptions> = { checkpointEvery: true };
const CLOSE_NAMES: OptionNames<CloseOptions> = { drain: true };

/** Options of a pool, complete, and apart from those of its model. */
export interface PoolSettings {
  readonly size: number;
  readonly maxQueue: number;
  readonly tries: number;
  readonly worker: (() => WorkerLike) | undefined;
  readonly engine: EngineOptions;
  readonly model: LanguageModelOptions;
}

/** Checks what the workers do not check. */
export function settingsOf(where: string, options: PoolOptions): PoolSettings {
  checkOptions(where, options, NAMES);
  const { size = coreCount(), maxQueue = 1000, tries = 3, worker, engine = {}, ...model } = options;
  checkCount(where, "size", size);
  checkCount(where, "maxQueue", maxQueue);
  checkCount(where, "tries", tries);
  if (worker !== undefined && typeof worker !== "function") {
    throw new TypeError(`${where}: worker: expected a function, got ${describe(worker)}`);
  }
  return { size, maxQueue, tries, worker, engine, model };
}

/** Checks the options of `pool.stream`; returns `checkpointEvery`. */
export function checkStreamOptions(where: string, options: PoolStreamOptions): number | undefined {
  checkOptions(where, options, STREAM_NAMES);
  const { checkpointEvery } = options;
  if (checkpointEvery !== undefined) checkCount(where, "checkpointEvery", checkpointEvery);
  return checkpointEvery;
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
