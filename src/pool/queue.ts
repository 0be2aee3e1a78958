import type { Room } from "./crew.js";
import type { CrewWorker } from "./crew_worker.js";

/** A call on its way through the workers. */
export interface QueuedCall {
  /** The function that was called. */
  readonly where: string;
  /** Sequences that no worker has, and sequences at workers. */
  readonly counts: { readonly waiting: number; readonly running: number };
  /** Whether the next portion needs a worker that has nothing else. */
  readonly waitsForIdle: boolean;
  /** Gives out the next portion that fits: the result hands it to a worker. */
  next(room: Room): ((worker: CrewWorker) => void) | undefined;
  /** Ends the call with an error. Workers stop. */
  fail(error: unknown): void;
}

/** Calls that share one turn: the groups of one `scoreMany`, in their order, or one call of `score`. */
interface Turn {
  readonly owner: object;
  readonly calls: QueuedCall[];
}

/** The calls of a pool that are not finished. They take turns: a short one does not wait for a long one. */
export class CallQueue {
  /** The one whose turn it is comes first. */
  #turns: Turn[] = [];

  add(call: QueuedCall, owner: object): void {
    const turn = this.#turns.find((each) => each.owner === owner);
    if (turn === undefined) this.#turns.push({ owner, calls: [call] });
    else turn.calls.push(call);
  }

  remove(call: QueuedCall): void {
    for (const { calls } of this.#turns) {
      const place = calls.indexOf(call);
      if (place >= 0) calls.splice(place, 1);
    }
    this.#turns = this.#turns.filter(({ calls }) => calls.length > 0);
  }

  /** The next portion of the call whose turn it is, for a worker that has such room. */
  next(room: Room): ((worker: CrewWorker) => void) | undefined {
    // Otherwise no worker would become idle as long as other calls have work.
    if (!room.isIdle && this.#calls().some((call) => call.waitsForIdle)) return undefined;
    for (const [k, { calls }] of this.#turns.entries()) {
      for (const call of calls) {
        const hand = call.next(room);
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

  #calls(): QueuedCall[] {
    return this.#turns.flatMap(({ calls }) => calls);
  }
}
