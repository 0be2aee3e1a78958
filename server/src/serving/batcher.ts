import type { Score } from "recurra";
import { Problem } from "../problem.js";
import type { Backend } from "./backend.js";
import type { WorkSignal } from "./work_signal.js";

export type TokenSequence = string | readonly number[];

/** Rows of the smallest batch; a pool sends a worker no fewer, either. */
const LEAST_ROWS = 256;
/** Milliseconds of work that a batch should have: more costs latency, less costs messages. */
const BATCH_TIME = 4;
/** Batches at each worker: one at work, one that it begins without waiting for this thread. */
const ROOM = 2;
/** A sequence of more rows than this is never gathered with others. */
const LONG = 1024;

/** One request that waits or is at work. */
interface Request {
  readonly sequences: readonly TokenSequence[];
  readonly results: (Score | Error)[];
  readonly since: number;
  /** The next sequence to be given out, and how many have no result yet. */
  next: number;
  left: number;
  isOver: boolean;
  resolve(results: (Score | Error)[]): void;
  reject(error: unknown): void;
}

/** What a batcher tells of its work. */
export interface BatchEvents {
  /** A batch was sent. @param waited milliseconds that its oldest sequence had waited */
  batch(sequences: number, rows: number, waited: number): void;
  /** A batch came back. */
  done(rows: number, milliseconds: number): void;
}

/**
 * Gathers the sequences of many small requests into calls of the pool: first come, first served. A request with long
 * sequences, or with more than a batch holds, is a call of its own, which ends with its signal.
 */
export class Batcher {
  readonly #backend: Backend;
  readonly #limits: {
    readonly maxBatch: number;
    readonly maxDelay: number;
    readonly maxQueue: number;
  };
  readonly #slots: number;
  readonly #workers: number;
  readonly #events: BatchEvents;
  readonly #queue: Request[] = [];
  #queued = 0;
  #running = 0;
  #inFlight = 0;
  /** Rows in a millisecond of one worker, a moving mean. */
  #rate = LEAST_ROWS / BATCH_TIME;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(
    backend: Backend,
    limits: {
      readonly maxBatch: number;
      readonly maxDelay: number;
      readonly maxQueue: number;
      readonly workers: number;
    },
    events: BatchEvents,
  ) {
    this.#backend = backend;
    this.#limits = limits;
    this.#workers = limits.workers;
    this.#slots = limits.workers * ROOM;
    this.#events = events;
  }

  /** Sequences that no worker has yet. */
  get queued(): number {
    return this.#queued;
  }

  /** Scores sequences; an error takes the place of a result. @throws a `Problem` of code `overloaded` */
  async score(
    sequences: readonly TokenSequence[],
    signal?: WorkSignal,
  ): Promise<(Score | Error)[]> {
    const { maxQueue, maxBatch } = this.#limits;
    if (
      this.#queued + this.#running + sequences.length > maxQueue &&
      this.#queued + this.#running > 0
    ) {
      throw new Problem("overloaded", `${this.#queued} sequences wait, ${maxQueue} may`, {
        retryAfter: this.#wait(),
      });
    }
    signal?.throwIfAborted();
    if (sequences.length === 0) return [];
    const isBulk = sequences.length > maxBatch || sequences.some(({ length }) => length > LONG);
    if (isBulk) return this.#alone(sequences, signal);
    return new Promise((resolve, reject) => {
      const request: Request = {
        sequences,
        results: new Array(sequences.length),
        since: performance.now(),
        next: 0,
        left: sequences.length,
        isOver: false,
        resolve,
        reject,
      };
      signal?.addEventListener("abort", () => this.#drop(request, signal.reason));
      this.#queue.push(request);
      this.#queued += sequences.length;
      this.#schedule();
    });
  }

  async #alone(
    sequences: readonly TokenSequence[],
    signal: WorkSignal | undefined,
  ): Promise<(Score | Error)[]> {
    this.#running += sequences.length;
    this.#events.batch(sequences.length, rowsOf(sequences), 0);
    try {
      return await this.#backend.score(sequences, signal === undefined ? {} : { signal });
    } catch (error) {
      // Why it was aborted, not that it was.
      throw signal?.aborted === true ? signal.reason : error;
    } finally {
      this.#running -= sequences.length;
    }
  }

  /** Seconds after which there is room, as far as one can tell. */
  #wait(): number {
    return Math.max(1, Math.ceil((this.#queued * 64) / (this.#rate * this.#workers * 1000)));
  }

  /** Ends a request, because its client went away or its deadline passed: what is not at a worker is not computed. */
  #drop(request: Request, reason: unknown): void {
    if (request.isOver) return;
    request.isOver = true;
    const place = this.#queue.indexOf(request);
    if (place >= 0) {
      this.#queue.splice(place, 1);
      this.#queued -= request.sequences.length - request.next;
    }
    request.reject(reason);
  }

  /** Sends now if a worker has nothing to do; otherwise when a batch is full, or has waited long enough. */
  #schedule(): void {
    if (this.#inFlight >= this.#slots || this.#queue.length === 0) return;
    if (this.#inFlight < this.#workers) {
      // What arrives in the same turn of the event loop comes along.
      this.#immediate ??= setImmediate(() => {
        this.#immediate = undefined;
        this.#send();
      });
      return;
    }
    if (this.#queued >= this.#limits.maxBatch) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), this.#limits.maxDelay);
  }

  /** Sends batches as long as there is room. */
  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#inFlight < this.#slots && this.#queue.length > 0) {
      this.#sendOne();
      // The second place of each worker is for batches that are full, or have waited.
      if (this.#inFlight >= this.#workers) break;
    }
    this.#schedule();
  }

  #sendOne(): void {
    const { maxBatch } = this.#limits;
    const most = Math.max(LEAST_ROWS, this.#rate * BATCH_TIME);
    const sequences: TokenSequence[] = [];
    const places: [Request, number][] = [];
    let rows = 0;
    const since = this.#queue[0]?.since ?? 0;
    while (this.#queue.length > 0 && sequences.length < maxBatch && rows < most) {
      const request = this.#queue[0] as Request;
      const i = request.next++;
      const sequence = request.sequences[i] as TokenSequence;
      sequences.push(sequence);
      places.push([request, i]);
      rows += sequence.length;
      if (request.next === request.sequences.length) this.#queue.shift();
    }
    this.#queued -= sequences.length;
    this.#running += sequences.length;
    this.#inFlight++;
    const sent = performance.now();
    this.#events.batch(sequences.length, rows, sent - since);
    this.#backend.score(sequences, {}).then(
      (results) => {
        const time = performance.now() - sent;
        // With two batches at a worker a batch takes twice its own time.
        const atOnce = Math.max(1, this.#inFlight / this.#workers);
        this.#rate += 0.1 * ((rows * atOnce) / Math.max(time, 0.01) - this.#rate);
        this.#events.done(rows, time);
        this.#settle(places, (k) => results[k] as Score | Error);
      },
      (error: Error) => this.#fail(places, error),
    );
  }

  /** The call failed as a whole: so do the requests that had a part in it. */
  #fail(places: readonly [Request, number][], error: Error): void {
    for (const [request] of places) {
      if (request.isOver) continue;
      this.#drop(request, error);
    }
    this.#settle(places, () => error);
  }

  #settle(places: readonly [Request, number][], resultOf: (k: number) => Score | Error): void {
    this.#inFlight--;
    this.#running -= places.length;
    // The workers first: what the results cost here is then done beside them.
    this.#send();
    places.forEach(([request, i], k) => {
      request.results[i] = resultOf(k);
      if (--request.left > 0 || request.isOver) return;
      request.isOver = true;
      request.resolve(request.results);
    });
  }
}

const rowsOf = (sequences: readonly TokenSequence[]): number =>
  sequences.reduce((sum, { length }) => sum + length, 0);
