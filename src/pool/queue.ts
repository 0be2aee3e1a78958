import type { ScoreCall } from "./call.js";
import type { CrewWorker } from "./crew_worker.js";

/** Calls that share one turn: the groups of one `scoreMany`, in their order, or one call of `score`. */
interface Turn {
  readonly owner: object;
  readonly calls: ScoreCall[];
}

/** The calls of a pool that are not finished. They take turns: a short one does not wait for a long one. */
export class CallQueue {
  /** The one whose turn it is comes first. */
  #turns: Turn[] = [];

  add(call: ScoreCall, owner: object): void {
    const turn = this.#turns.find((each) => each.owner === owner);
    if (turn === undefined) this.#turns.push({ owner, calls: [call] });
    else turn.calls.push(call);
  }

  remove(call: ScoreCall): void {
    for (const { calls } of this.#turns) {
      const place = calls.indexOf(call);
      if (place >= 0) calls.splice(place, 1);
    }
    this.#turns = this.#turns.filter(({ calls }) => calls.length > 0);
  }

  /** The next portion of the call whose turn it is. @param isIdle whether it is for a worker that has none */
  next(isIdle: boolean): ((worker: CrewWorker) => void) | undefined {
    // Otherwise no worker would become idle as long as other calls have work.
    if (!isIdle && this.#calls().some((call) => call.waitsForIdle)) return undefined;
    for (const [k, { calls }] of this.#turns.entries()) {
      for (const call of calls) {
        const hand = call.next(isIdle);
        if (hand === undefined) continue;
        // Those before it have nothing to give out now; their turn comes again after all others.
        this.#turns.push(...this.#turns.splice(0, k + 1));
        return hand;
      }
    }
    return undefined;
  }

  /** Sequences that no worker has, and sequences at workers. */
  get counts(): { waiting: number; running: number } {
    let [waiting, running] = [0, 0];
    for (const { counts } of this.#calls()) {
      waiting += counts.waiting;
      running += counts.running;
    }
    return { waiting, running };
  }

  /** Ends all calls with an error. */
  fail(errorOf: (where: string) => Error): void {
    for (const call of this.#calls()) call.fail(errorOf(call.where));
  }

  #calls(): ScoreCall[] {
    return this.#turns.flatMap(({ calls }) => calls);
  }
}
