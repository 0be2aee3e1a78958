import type { ScoreCall } from "./call.js";
import type { CrewWorker } from "./crew_worker.js";

/** The calls of a pool that are not finished. They take turns: a short one does not wait for a long one. */
export class CallQueue {
  #calls: ScoreCall[] = [];

  add(call: ScoreCall): void {
    this.#calls.push(call);
  }

  remove(call: ScoreCall): void {
    this.#calls = this.#calls.filter((each) => each !== call);
  }

  /** The next portion of the call whose turn it is. @param isIdle whether it is for a worker that has none */
  next(isIdle: boolean): ((worker: CrewWorker) => void) | undefined {
    // Otherwise no worker would become idle as long as other calls have work.
    if (!isIdle && this.#calls.some((call) => call.waitsForIdle)) return undefined;
    for (let k = 0; k < this.#calls.length; k++) {
      const hand = (this.#calls[k] as ScoreCall).next(isIdle);
      if (hand === undefined) continue;
      // Those before it have nothing to give out now; their turn comes again after all others.
      this.#calls.push(...this.#calls.splice(0, k + 1));
      return hand;
    }
    return undefined;
  }

  /** Sequences that no worker has, and sequences at workers. */
  get counts(): { waiting: number; running: number } {
    let [waiting, running] = [0, 0];
    for (const { counts } of this.#calls) {
      waiting += counts.waiting;
      running += counts.running;
    }
    return { waiting, running };
  }

  /** Ends all calls with an error. */
  fail(errorOf: (where: string) => Error): void {
    for (const call of this.#calls) call.fail(errorOf(call.where));
  }
}
