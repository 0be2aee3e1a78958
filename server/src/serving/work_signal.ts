import type { AbortSignalLike } from "recurra";

/** What ends work: an `AbortSignal` as far as the library asks for one. Every request makes one: it is lighter than that of Node. */
export class WorkSignal implements AbortSignalLike {
  aborted = false;
  /** Why it was aborted. */
  reason: unknown;
  #listeners: (() => void)[] = [];

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    const place = this.#listeners.indexOf(listener);
    if (place >= 0) this.#listeners.splice(place, 1);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Only the first one counts. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
