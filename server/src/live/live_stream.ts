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
  isClosed = false;
  #added = 0;
  #settled = 0;
  /** Who waits, in order, until so many pushes are settled. */
  readonly #waiters: { readonly pushes: number; readonly go: () => void }[] = [];

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
    this.#added++;
    this.waiting.push(push);
    this.lastUsed = performance.now();
  }

  /** Tells the outcome of a push. */
  settle(push: PendingPush, outcome: Pushed | Error): void {
    this.#settled++;
    push.settle(outcome);
    while (this.#waiters[0] !== undefined && this.#waiters[0].pushes <= this.#settled) {
      this.#waiters.shift()?.go();
    }
  }

  /** Resolves when all pushes that were added before are settled. */
  async settled(): Promise<void> {
    const pushes = this.#added;
    if (pushes > this.#settled) {
      await new Promise<void>((go) => {
        this.#waiters.push({ pushes, go });
      });
    }
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
