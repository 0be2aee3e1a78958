import type { AbortSignalLike } from "../host.js";
import { describe } from "../tensor.js";

/** Milliseconds of work between two pauses. */
export const DEFAULT_SLICE = 5;

/** How many of the sequences of a call are done. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface SliceOptions {
  /** Ends the work at the next pause. */
  readonly signal?: AbortSignalLike | undefined;
  /** Milliseconds of work after which the event loop gets a turn. Default 5. */
  readonly yieldEvery?: number | undefined;
}

/** If one sequence cannot be used: the call fails, or returns the error in the place of the sequence. */
export type OnError = "throw" | "return";

/** The result for one sequence: with `onError: "return"` perhaps an error. */
export type Outcome<R, E extends OnError> = E extends "return" ? R | Error : R;

export interface RunOptions<E extends OnError = "throw"> extends SliceOptions {
  /** Called from time to time with the number of sequences that are done. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * `"return"` puts the error of a sequence that cannot be used in the place of its result, and goes on with the others.
   * Default `"throw"`: nothing is computed then.
   */
  readonly onError?: E | undefined;
}

/** Throws unless the options are of the right kind. */
export function checkRunOptions(
  where: string,
  { signal, yieldEvery = DEFAULT_SLICE, onProgress, onError = "throw" }: RunOptions<OnError>,
): void {
  const isSignal =
    typeof signal?.aborted === "boolean" && typeof signal.addEventListener === "function";
  if (signal !== undefined && !isSignal) {
    throw new TypeError(`${where}: signal: expected an AbortSignal, got ${describe(signal)}`);
  }
  if (!(typeof yieldEvery === "number" && yieldEvery >= 0)) {
    throw new TypeError(
      `${where}: yieldEvery: expected milliseconds ≥ 0, got ${String(yieldEvery)}`,
    );
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`${where}: onProgress: expected a function, got ${describe(onProgress)}`);
  }
  if (onError !== "throw" && onError !== "return") {
    throw new TypeError(`${where}: onError: expected "throw" or "return", got ${String(onError)}`);
  }
}

/** Calls `onProgress` if more is done than at its last call. */
export function progressReporter(
  total: number,
  onProgress: RunOptions<OnError>["onProgress"],
): (done: number) => void {
  let reported = -1;
  return (done) => {
    if (done === reported) return;
    reported = done;
    onProgress?.({ done, total });
  };
}
