import type { OnError, RunOptions } from "../model/time_slices.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe, isTypedArray } from "../tensor.js";
import { checkCount } from "./settings.js";
import type { PoolStream } from "./stream.js";
import type { StreamRecordOptions } from "./stream_record.js";

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

/** Options of `pool.close`. */
export interface CloseOptions {
  /** Whether open calls are finished first; otherwise they reject with a `StateError`. Default true. */
  readonly drain?: boolean | undefined;
}

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
const CLOSE_NAMES: OptionNames<CloseOptions> = { drain: true };

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

/** Checks the options of `pool.close`; returns `drain`. */
export function checkCloseOptions(where: string, options: CloseOptions): boolean {
  checkOptions(where, options, CLOSE_NAMES);
  const { drain = true } = options;
  if (typeof drain === "boolean") return drain;
  throw new TypeError(`${where}: drain: expected true or false, got ${describe(drain)}`);
}
