import type { BackendStream, Step, StepResult } from "../serving/backend.js";
import type { ModelVersion } from "../serving/version.js";

/** The answers to a push, and the position of the stream after it. */
export interface Pushed {
  readonly results: readonly StepResult[];
  readonly position: number;
}

/** A push that waits. `settle` is called once. */
export interface PendingPush {
  readonly steps: readonly Step[];
  /** The position at which the client believes the stream to be; another one is a conflict. */
  readonly expected: number | undefined;
  settle(outcome: Pushed | Error): void;
}

/** A live stream of this instance. */
export class LiveStream {
  readonly id: string;
  readonly version: ModelVersion;
  /** The stream at its worker. */
  inner: BackendStream;
  /** The steps that it has read. */
  position: number;
  /** The position at which `inner` was opened. */
  base: number;
  /** The version in the store; 0 without a store. */
  saved: number;
  /** When it was used last, by the clock of `performance`. */
  lastUsed = performance.now();
  /** Pushes that wait, in order, and whether one is at the worker. */
  readonly waiting: PendingPush[] = [];
  isBusy = false;
  /** Whether it is in its batcher's list of streams that have a push. */
  isListed = false;
  isClosed = false;
  /** Pushes that are not settled, in order, by their numbers. */
  readonly #open = new Map<PendingPush, number>();
  #added = 0;
  /** Who waits, in order, until the pushes up to a number are settled. */
  readonly #waiters: { readonly last: number; readonly go: () => void }[] = [];

  constructor(
    id: string,
    version: ModelVersion,
    inner: BackendStream,
    at: { position: number; saved: number },
  ) {
    this.id = id;
    this.version = version.retain();
    this.inner = inner;
    this.position = at.position;
    this.base = at.position;
    this.saved = at.saved;
  }

  /** Takes a push. */
  add(push: PendingPush): void {
    this.#open.set(push, ++this.#added);
    this.waiting.push(push);
    this.lastUsed = performance.now();
  }

  /** Tells the outcome of a push. */
  settle(push: PendingPush, outcome: Pushed | Error): void {
    this.#open.delete(push);
    push.settle(outcome);
    if (this.#waiters.length === 0) return;
    const [first = Number.POSITIVE_INFINITY] = this.#open.values();
    while ((this.#waiters[0]?.last ?? first) < first) this.#waiters.shift()?.go();
  }

  /** Resolves when all pushes that were added before are settled. */
  async settled(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((go) => {
      this.#waiters.push({ last: this.#added, go });
    });
  }

  /** Puts another stream in the place of the one at the worker. */
  replace(inner: BackendStream, at: { position: number; saved: number }): void {
    this.inner.close();
    this.inner = inner;
    this.position = at.position;
    this.base = at.position;
    this.saved = at.saved;
  }

  /** Frees the memory at the worker, and rejects what waits. @returns how many pushes waited */
  close(reason: Error): number {
    if (this.isClosed) return 0;
    this.isClosed = true;
    const waiting = this.waiting.splice(0);
    for (const push of waiting) this.settle(push, reason);
    this.inner.close();
    this.version.release();
    return waiting.length;
  }
}
