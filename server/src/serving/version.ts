import type { Backend } from "./backend.js";
import type { BatchEvents, Batcher } from "./batcher.js";

/** One loaded version of a model. It is closed when it is retired and nothing uses it any more. */
export class ModelVersion {
  readonly name: string;
  readonly number: number;
  /** SHA-256 of the file, in hex. */
  readonly hash: string;
  readonly backend: Backend;
  readonly batcher: Batcher;
  readonly loadedAt = new Date();
  readonly #events: BatchEvents;
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
    events: BatchEvents;
  }) {
    this.name = of.name;
    this.number = of.number;
    this.hash = of.hash;
    this.backend = of.backend;
    this.batcher = of.batcher;
    this.#events = of.events;
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

  /** Tags sequences, and counts them. */
  async tag(...[sequences, options]: Parameters<Backend["tag"]>): ReturnType<Backend["tag"]> {
    const results = await this.backend.tag(sequences, options);
    const steps = results.map((result) =>
      result instanceof Error ? 0 : (result.values.shape[0] ?? 0),
    );
    this.#events.batch(
      sequences.length,
      steps.reduce((sum, each) => sum + each, 0),
      0,
    );
    return results;
  }

  /** Runs a graph, and counts it. */
  async run(...[inputs, options]: Parameters<Backend["run"]>): ReturnType<Backend["run"]> {
    const outputs = await this.backend.run(inputs, options);
    this.#events.batch(1, 1, 0);
    return outputs;
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
