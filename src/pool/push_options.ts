import type { AbortSignalLike } from "../host.js";
import { checkRunOptions, type OnError } from "../model/time_slices.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";

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

const PUSH_NAMES: OptionNames<PoolPushOptions> = { signal: true };
const PUSH_ALL_NAMES: OptionNames<PoolPushAllOptions> = {
  signal: true,
  states: true,
  onError: true,
};
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
