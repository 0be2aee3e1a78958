import type { OpenGraphOptions, StreamStates } from "../graph/graph.js";
import type { LanguageModelOptions, TaggerOptions } from "../model/loading.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { EngineOptions } from "../wasm/engine.js";
import { coreCount } from "./host.js";
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

/** Options of `createGraphPool`: those of `openGraph`, and those of the pool. */
export interface GraphPoolOptions extends OpenGraphOptions, WorkerOptions {
  /** For the streams of the pool: the outputs that feed inputs of the next push, by the inputs' names. Default: none. */
  readonly states?: StreamStates | undefined;
}

// Spread inside functions only: bundlers keep a spread at the top of a module.
const WORKER_NAMES: OptionNames<WorkerOptions> = {
  size: true,
  maxQueue: true,
  tries: true,
  startTimeout: true,
  worker: true,
  engine: true,
  onBatch: true,
};

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
  settingsOf(where, options, {
    ...WORKER_NAMES,
    precision: true,
    input: true,
    vocabulary: true,
    unknown: true,
    start: true,
  });

/** The settings of a pool of a tagger. */
export const taggerSettings = (where: string, options: TaggerPoolOptions): PoolSettings =>
  settingsOf(where, options, {
    ...WORKER_NAMES,
    precision: true,
    input: true,
    vocabulary: true,
    unknown: true,
    output: true,
    activation: true,
    classes: true,
    normalisation: true,
    targetNormalisation: true,
  });

/** The settings of a pool of a graph. */
export const graphSettings = (where: string, options: GraphPoolOptions): PoolSettings =>
  settingsOf(where, options, {
    ...WORKER_NAMES,
    inputs: true,
    precision: true,
    maximumBytes: true,
    nonFinite: true,
    states: true,
  });

/** Throws unless `value` is an integer ≥ 1. */
export function checkCount(where: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  const kind = typeof value === "number" ? RangeError : TypeError;
  const got = typeof value === "number" ? value : describe(value);
  throw new kind(`${where}: ${name}: expected an integer ≥ 1, got ${got}`);
}
