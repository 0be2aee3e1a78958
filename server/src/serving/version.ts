import type { Backend } from "./backend.js";
import type { Batcher } from "./batcher.js";

/** One loaded version of a model. It is closed when it is retired and nothing uses it any more. */
export class ModelVersion {
  readonly name: string;
  readonly number: number;
  /** SHA-256 of the file, in hex. */
  readonly hash: string;
  readonly backend: Backend;
  readonly batcher: Batcher;
  readonly loadedAt = new Date();
  #uses = 0;
  #isRetired = false;
  #closed: Promise<void> | undefined;
  #onClosed: () => void = () => undefined;
  /** Resolves when the workers have ended. */
  readonly closed = new Promise<void>((resolve) => {
    this.#onClosed = resolve;
  });

  constructor(of: {
    name: string;
    number: number;
    hash: string;
    backend: Backend;
    batcher: Batcher;
  }) {
    this.name = of.name;
    this.number = of.number;
    this.hash = of.hash;
    this.backend = of.backend;
    this.batcher = of.batcher;
  }

  /** Requests and live streams that use it. */
  get uses(): number {
    return this.#uses;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Keeps it loaded until `release`. */
  retain(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    this.#uses--;
    if (this.#isRetired && this.#uses === 0) void this.close(true);
  }

  /** Runs a call on it; meanwhile it is not closed. */
  async use<R>(call: (version: this) => Promise<R>): Promise<R> {
    this.retain();
    try {
      return await call(this);
    } finally {
      this.release();
    }
  }

  /** Takes no new requests: it is closed after those that run. */
  retire(): void {
    this.#isRetired = true;
    if (this.#uses === 0) void this.close(true);
  }

  close(drain: boolean): Promise<void> {
    this.#closed ??= this.backend.close({ drain }).finally(this.#onClosed);
    return this.#closed;
  }
}
