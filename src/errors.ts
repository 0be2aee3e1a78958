/** A value of the right kind and the wrong size. The message names the operand, the expected shape and the actual one. */
export class ShapeError extends RangeError {
  override name = "ShapeError";
}

/** A call in the wrong order: an object was disposed of before, or belongs to another engine. */
export class StateError extends Error {
  override name = "StateError";
}

/** The host lacks something that the engine needs. */
export class FeatureError extends Error {
  override name = "FeatureError";
}

/** Linear memory cannot hold what a call needs. Nothing was changed, and smaller calls still work. */
export class EngineMemoryError extends RangeError {
  override name = "EngineMemoryError";
  /** Bytes of linear memory that the engine would hold in all. */
  readonly needed: number;
  /** Bytes that it may hold: `maximumBytes`, or what it holds now if the host refused to grow it. */
  readonly limit: number;

  /** @param refusal what the host threw; absent if the engine's own limit was reached */
  constructor(needed: number, limit: number, refusal?: unknown) {
    const isRefused = refusal !== undefined;
    const reason = isRefused
      ? `the host refused ${needed} bytes, ${limit} are held`
      : `${needed} bytes needed, the limit is ${limit}`;
    const last = isRefused || limit === WASM_LIMIT ? "use a smaller model" : "raise maximumBytes";
    super(
      `linear memory: ${reason}: dispose of caches, states and engines that are no longer used, split the batch or the sequence, or ${last}`,
      isRefused ? { cause: refusal } : undefined,
    );
    this.needed = needed;
    this.limit = limit;
  }
}

/** Bytes that 32-bit pointers reach. */
const WASM_LIMIT = 2 ** 32;

/** A text contains a token that the model's vocabulary lacks. */
export class UnknownTokenError extends RangeError {
  override name = "UnknownTokenError";
  /** The character or token. */
  readonly character: string;
  /** Its index in the text, in UTF-16 units from 0. */
  readonly position: number;

  constructor(where: string, character: string, position: number) {
    const [first, ...others] = character;
    const code = (first?.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const named = others.length === 0 ? ` (U+${code})` : "";
    super(
      `${where}: ${JSON.stringify(character)}${named} at index ${position} is not in the vocabulary: pass { unknown: id } to map such tokens to an id, or remove it`,
    );
    this.character = character;
    this.position = position;
  }
}

/** An `AbortSignal` ended the call. `completed` holds the results that were ready by then. */
export class AbortedError<T> extends Error {
  override name = "AbortError";
  /**
   * One entry per input, in the order of the inputs; undefined for those not completed. Empty after `scoreEach` and `tagEach`,
   * which have given all results that were completed.
   */
  readonly completed: readonly (T | undefined)[];

  /** @param count how many of how many were completed, if `completed` does not say it */
  constructor(
    where: string,
    completed: readonly (T | undefined)[],
    cause: unknown,
    count: { readonly done: number; readonly total: number } = {
      done: completed.filter((each) => each !== undefined).length,
      total: completed.length,
    },
  ) {
    super(`${where}: aborted after ${count.done} of ${count.total}`, { cause });
    this.completed = completed;
  }
}

/** A pool has as many open calls as `maxQueue` allows. Nothing of the refused call was done. */
export class QueueFullError extends Error {
  override name = "QueueFullError";
  /** The most calls that may be open at a time. */
  readonly limit: number;

  constructor(where: string, limit: number) {
    super(
      `${where}: the queue of the pool is full: ${limit} calls are open: await some of them first, or raise maxQueue`,
    );
    this.limit = limit;
  }
}

/** A worker of a pool ended while it had a sequence, as often as the pool tries one. `cause` tells why it ended. */
export class WorkerLostError extends Error {
  override name = "WorkerLostError";
}

/** The worker of a stream ended, and the stream with it. `cause` tells why. */
export class StreamLostError extends Error {
  override name = "StreamLostError";
  /** The last state that was saved, for `state.fromBytes` of another stream; undefined if none was. */
  readonly state: Uint8Array | undefined;
  /** The number of tokens that the stream had read at that state, since it was made, reset or put in a stored state. */
  readonly pushed: number;

  constructor(where: string, state: Uint8Array | undefined, pushed: number, cause: unknown) {
    const saved =
      state === undefined
        ? "no state was saved: pass { checkpointEvery } to stream()"
        : `the state after ${pushed} tokens is in the error's field state`;
    super(`${where}: the worker of the stream ended: ${saved}`, { cause });
    this.state = state;
    this.pushed = pushed;
  }
}
