import { AbortedError, UnknownTokenError, WorkerLostError } from "../errors.js";
import { giveWay } from "../model/give_way.js";
import { progressReporter } from "../model/time_slices.js";
import type { Tokenizer } from "../model/vocabulary.js";
import { watchAbort } from "./abort_watch.js";
import { type CallSetup, type Given, type Posted, rowsOf } from "./call_setup.js";
import { now } from "./clock.js";
import { ROOM, type Room } from "./crew.js";
import type { CrewWorker } from "./crew_worker.js";
import { divide, divideAgain } from "./division.js";
import type { Reply, WorkerNews } from "./protocol.js";
import type { QueuedCall } from "./queue.js";
import type { Task } from "./task.js";
import { fromWire, isWire, type WireError } from "./wire_error.js";

/** Texts that are searched for an unknown token without a pause. */
const TEXTS_PER_PAUSE = 256;
/** Rows from which on a portion is long: a worker has one such at a time, so that short ones need not wait for it. */
const LONG_ROWS = 4096;

/** Sequences that a worker scores in one go. */
interface Portion {
  readonly indices: readonly number[];
  /** Workers that ended while they were at work on it. */
  readonly deaths: number;
  /** Whether a worker has ended that had it, at work or waiting: the next one has nothing else, so that the culprit is found. */
  readonly isSuspect: boolean;
  readonly isLong: boolean;
}

/** A call of `score`, `tag` or `run` on its way through the workers. */
export class Call<R extends object> implements QueuedCall {
  /** The results, in order. */
  readonly finished: Promise<(R | Error)[]>;
  readonly #setup: CallSetup<R>;
  readonly #results: (R | Error | undefined)[];
  /** Portions that no worker has; the last one is the next. */
  #waiting: Portion[];
  /** How to end the work on each portion that a worker has. */
  readonly #running = new Map<Portion, () => void>();
  readonly #start = now();
  readonly #report: (done: number) => void;
  #resolve: (results: (R | Error)[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #unwatch: () => void = () => undefined;
  #done = 0;
  #isOver = false;

  constructor(setup: CallSetup<R>) {
    const { where, given, signal, onProgress, onError, workers } = setup;
    this.#setup = setup;
    this.#results = Array(given.length).fill(undefined);
    this.#report = progressReporter(given.length, onProgress);
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const lengths = given.map((each) => (each instanceof Error ? 0 : rowsOf(each)));
    const usable = [...lengths.keys()].filter((i) => !(given[i] instanceof Error));
    const portions = divide(lengths, usable, workers);
    this.#waiting = portions.reverse().map((indices) => ({
      indices,
      deaths: 0,
      isSuspect: false,
      isLong: indices.reduce((rows, i) => rows + (lengths[i] as number), 0) >= LONG_ROWS,
    }));
    this.#unwatch = watchAbort(signal, () => {
      this.fail(new AbortedError(where, this.#results, signal?.reason));
    });
    if (this.#isOver) return;
    const failed = given.findIndex((each) => each instanceof Error);
    if (failed >= 0 && onError === "throw") void this.#fault(failed, given[failed] as Error);
    else {
      given.forEach((each, i) => {
        if (each instanceof Error) this.#put(i, each);
      });
      this.#advance();
    }
  }

  get where(): string {
    return this.#setup.where;
  }

  /** Sequences that no worker has, and sequences at workers. */
  get counts(): { waiting: number; running: number } {
    const sum = (portions: Iterable<Portion>): number =>
      [...portions].reduce((all, { indices }) => all + indices.length, 0);
    return { waiting: sum(this.#waiting), running: sum(this.#running.keys()) };
  }

  /** Whether the next portion needs a worker that has nothing else. */
  get waitsForIdle(): boolean {
    return this.#waiting.at(-1)?.isSuspect === true;
  }

  /** Gives out the next portion that fits: the result hands it to a worker. */
  next({ isIdle, takesLong }: Room): ((worker: CrewWorker) => void) | undefined {
    if (this.waitsForIdle && !isIdle) return undefined;
    let place = this.#waiting.length - 1;
    while (!takesLong && this.#waiting[place]?.isLong === true) place--;
    const [portion] = place < 0 ? [] : this.#waiting.splice(place, 1);
    if (portion === undefined) return undefined;
    return (worker) => {
      const id = worker.ask(this.#task(portion));
      this.#running.set(portion, () => worker.abort(id));
    };
  }

  /** Ends the call with an error. Workers stop. */
  fail(error: unknown): void {
    this.#stop();
    this.#reject(error);
  }

  #task(portion: Portion): Task {
    const { given, from, kind } = this.#setup;
    const { indices, isSuspect, isLong } = portion;
    const waited = now() - this.#start;
    return {
      weight: isSuspect ? ROOM : 1,
      isLong,
      message: (id) => {
        const own = indices.map((i) => given[i] as Posted);
        return kind.message(id, own, from);
      },
      done: (reply) => {
        this.#tell(indices.length, waited, reply);
        this.#receive(portion, reply);
      },
      lost: (cause, wasRunning) => this.#retry(portion, wasRunning ? cause : undefined),
    };
  }

  #tell(rows: number, waited: number, { worked }: WorkerNews): void {
    const { onBatch, kind } = this.#setup;
    onBatch?.({ kind: kind.batch, rows, waited, worked });
  }

  #receive(portion: Portion, reply: Reply): void {
    this.#running.delete(portion);
    if (this.#isOver) return;
    if (reply.kind === "failed" && reply.error !== undefined) this.fail(fromWire(reply.error));
    const results = this.#setup.kind.unpack(reply);
    if (results === undefined) return;
    let fault: { readonly i: number; readonly error: Error } | undefined;
    let k = 0;
    for (const each of results) {
      const i = portion.indices[k] as number;
      if (!isWire(each)) this.#put(i, each);
      else {
        const error = this.#errorOf(each, k, i);
        if (this.#setup.onError === "return") this.#put(i, error);
        else if (fault === undefined || i < fault.i) fault = { i, error };
      }
      k++;
    }
    if (fault === undefined) this.#advance();
    else void this.#fault(fault.i, fault.error);
  }

  /** The error of sequence i, which was number k of its portion. */
  #errorOf(wire: WireError, k: number, i: number): Error {
    const { where, first, kind } = this.#setup;
    const there = `${kind.method}: sequences[${k}]:`;
    const here = `${where}: sequences[${first + i}]:`;
    return fromWire({
      ...wire,
      message: wire.message.replace(there, here),
      stack: wire.stack?.replace(there, here),
    });
  }

  /** Puts a portion back whose worker ended. `cause` is undefined if the worker had not begun it. */
  #retry(portion: Portion, cause: Error | undefined): void {
    this.#running.delete(portion);
    if (this.#isOver) return;
    if (cause === undefined) {
      this.#waiting.push({ ...portion, isSuspect: true });
      return;
    }
    const { where, first, tries, onError, kind } = this.#setup;
    const deaths = portion.deaths + 1;
    if (deaths < tries) {
      const again = divideAgain(portion.indices, tries - deaths);
      this.#waiting.push(
        ...again.map((indices) => ({ ...portion, indices, deaths, isSuspect: true })),
      );
      return;
    }
    for (const i of portion.indices) {
      const times = deaths === 1 ? "" : `, and so did ${deaths - 1} before it`;
      const worker =
        kind.batch === "run"
          ? "the worker that ran it"
          : `sequences[${first + i}]: the worker that scored it`;
      const message = `${where}: ${worker} ended${times}: ${cause.message}`;
      const error = new WorkerLostError(message, { cause });
      if (onError === "throw") {
        void this.#fault(i, error);
        return;
      }
      this.#put(i, error);
    }
    this.#advance();
  }

  #put(i: number, result: R | Error): void {
    this.#results[i] = result;
    this.#done++;
  }

  /** Tells how much is done, and ends the call if that is all. */
  #advance(): void {
    try {
      this.#report(this.#done);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.#done < this.#results.length) return;
    this.#stop();
    this.#resolve(this.#results as (R | Error)[]);
  }

  /**
   * Ends the call with the error that `model.score` would find first. Of all sequences that cannot be read that is the one
   * with the least index, whichever worker came to it first.
   */
  async #fault(i: number, error: Error): Promise<void> {
    const { given, where, first, tokenizer } = this.#setup;
    const isUnreadable = given[i] instanceof Error || error instanceof UnknownTokenError;
    this.#stopWork();
    const end = isUnreadable ? i : given.length;
    try {
      for (let j = 0; j < end && !this.#isOver; j++) {
        const each = given[j] as Given;
        if (each instanceof Error) throw each;
        if (typeof each !== "string" || this.#results[j] !== undefined) continue;
        for (const _ of (tokenizer as Tokenizer).encode(where, `sequences[${first + j}]`, each))
          await giveWay();
        if (j % TEXTS_PER_PAUSE === TEXTS_PER_PAUSE - 1) await giveWay();
      }
      this.fail(error);
    } catch (earlier) {
      this.fail(earlier);
    }
  }

  #stop(): void {
    this.#isOver = true;
    this.#unwatch();
    this.#stopWork();
  }

  #stopWork(): void {
    this.#waiting = [];
    for (const abort of this.#running.values()) abort();
    this.#running.clear();
  }
}
