import { ASYNC_DISPOSE } from "./disposal.js";
import { type CloseOptions, checkCloseOptions } from "./options.js";
import type { PoolCore, PoolStats } from "./pool_core.js";

/**
 * What all pools have in common. This class has the computed name for its subclasses, because bundlers keep every class with a
 * computed name, used or not.
 */
export abstract class WorkerPool {
  readonly #core: PoolCore;

  /** @internal */
  constructor(core: PoolCore) {
    this.#core = core;
  }

  /** What the pool does at the moment. */
  stats(): PoolStats {
    return this.#core.stats();
  }

  /**
   * Ends the workers, and all streams. Every later call rejects with a `StateError`; a second `close` waits for the first one. A
   * Node process does not need it to end: workers without work do not keep it alive.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#core.close(checkCloseOptions("close", options));
  }

  /** Calls `close` at the end of an `await using` block. */
  async [ASYNC_DISPOSE](): Promise<void> {
    await this.close();
  }
}
