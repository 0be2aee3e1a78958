import { AbortedError } from "../errors.js";
import type { AbortSignalLike } from "../host.js";
import type { OnError } from "../model/time_slices.js";
import { watchAbort } from "./abort_watch.js";
import type { PoolCore } from "./pool_core.js";
import type { PushedReply } from "./protocol.js";
import type { PushSink } from "./push_queue.js";
import type { StreamRecord } from "./stream_record.js";

export interface PushCallSetup {
  readonly where: string;
  /** The number of pushes. */
  readonly count: number;
  readonly signal: AbortSignalLike | undefined;
  readonly wantsStates: boolean;
  /** Takes what push number `place` gives out of row `row` of a reply. */
  readonly read: (place: number, reply: PushedReply, row: number) => void;
}

/** A call of one or more pushes on their way through the workers. It counts as one open call. */
export class PushCall implements PushSink {
  readonly where: string;
  readonly wantsStates: boolean;
  /** Settled when all pushes are done, or the signal has aborted. */
  readonly finished: Promise<void>;
  isOver = false;
  /** What went wrong, by the place in the list. */
  readonly errors = new Map<number, Error>();
  /** The states that were asked for. */
  readonly states: Uint8Array[] = [];
  readonly #core: PoolCore;
  readonly #read: PushCallSetup["read"];
  #left: number;
  #unwatch: () => void = () => undefined;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** @throws what `enter` throws of the pool */
  constructor(core: PoolCore, { where, count, signal, wantsStates, read }: PushCallSetup) {
    core.enter(where);
    this.#core = core;
    this.where = where;
    this.wantsStates = wantsStates;
    this.#left = count;
    this.#read = read;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (count === 0) this.#end();
    if (signal === undefined) return;
    this.#unwatch = watchAbort(signal, () => {
      if (this.isOver) return;
      const left = { done: count - this.#left, total: count };
      this.#end(new AbortedError(where, [], signal.reason, left));
    });
  }

  /** Gives the pushes to their streams. */
  send(records: readonly StreamRecord[], inputs: ArrayLike<unknown>): void {
    for (let i = 0; i < records.length && !this.isOver; i++) {
      (records[i] as StreamRecord).push(inputs[i], this, i);
    }
  }

  take(place: number, reply: PushedReply, row: number, state: Uint8Array | undefined): void {
    this.#read(place, reply, row);
    if (this.wantsStates) this.states[place] = state as Uint8Array;
    this.#count();
  }

  fail(place: number, error: Error): void {
    this.errors.set(place, error);
    this.#count();
  }

  #count(): void {
    this.#left--;
    if (this.#left === 0) this.#end();
  }

  #end(error?: Error): void {
    this.isOver = true;
    this.#unwatch();
    this.#core.leave();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}

/** One push of one stream. */
export async function pushOne<R>(
  core: PoolCore,
  record: StreamRecord,
  input: unknown,
  {
    signal,
    read,
  }: {
    readonly signal: AbortSignalLike | undefined;
    readonly read: (reply: PushedReply, row: number) => R;
  },
): Promise<R> {
  let result: R | undefined;
  const call = new PushCall(core, {
    where: "push",
    count: 1,
    signal,
    wantsStates: false,
    read: (_, reply, row) => {
      result = read(reply, row);
    },
  });
  call.send([record], [input]);
  await call.finished;
  for (const error of call.errors.values()) throw error;
  return result as R;
}

/** What is known of a push of many streams when it is done. */
export interface PushedStates {
  /** The state of each stream after its push, if that was asked for; a hole for one with an error. */
  readonly states: readonly Uint8Array[];
  /** What went wrong, by the place in the list: empty unless `onError` is `"return"`. */
  readonly errors: ReadonlyMap<number, Error>;
}

/** Waits for a push of many streams. @param operand the name of the inputs in errors */
export async function pushed(
  call: PushCall,
  {
    onError = "throw",
    operand,
  }: { readonly onError?: OnError | undefined; readonly operand: string },
): Promise<PushedStates> {
  await call.finished;
  const { where, states, errors } = call;
  // A worker does not know the place in the list.
  for (const [place, error] of errors)
    error.message = error.message.replace(/^push:/, `${where}: ${operand}[${place}]:`);
  if (onError === "throw") {
    const [first] = [...errors.keys()].sort((a, b) => a - b);
    if (first !== undefined) throw errors.get(first);
  }
  return { states, errors };
}
