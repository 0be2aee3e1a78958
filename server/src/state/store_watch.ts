import { Problem } from "../problem.js";
import type { StoreOptions } from "./store.js";

/** What a client is told while the store is away. */
export const storeUnavailable = (cause?: unknown): Problem =>
  new Problem("state-unavailable", "the store of states does not answer: try again", {
    retryAfter: 1,
    cause,
  });

/** Knows whether a store can be reached, and says so once when it changes. */
export class StoreWatch {
  readonly #log: StoreOptions["log"];
  /** Undefined until the first answer, or the first failure. */
  #isUp: boolean | undefined;
  #losses = 0;
  #since = 0;

  constructor(log: StoreOptions["log"]) {
    this.#log = log;
  }

  get isUp(): boolean {
    return this.#isUp === true;
  }

  /** How often the store went away. One that was away at the start counts, too. */
  get losses(): number {
    return this.#losses;
  }

  /** The store cannot be used. */
  lost(reason: string, err?: unknown): void {
    if (this.#isUp === false) return;
    this.#isUp = false;
    this.#losses++;
    this.#since = performance.now();
    this.#log.warn({ store: "down", ...(err === undefined ? {} : { err }) }, reason);
  }

  /** The store took a write. */
  found(message: string): void {
    if (this.#isUp === true) return;
    const away = this.#isUp === undefined ? {} : { awaySeconds: this.#seconds() };
    this.#isUp = true;
    this.#log.info({ store: "up", ...away }, message);
  }

  #seconds(): number {
    return Math.round((performance.now() - this.#since) / 100) / 10;
  }
}
