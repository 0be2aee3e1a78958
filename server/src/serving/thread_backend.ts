import { StreamLostError } from "recurra/pool";
import { Problem } from "../problem.js";
import type { BackendStats, BackendStream, CallOptions, Push, PushResult } from "./backend.js";
import { errorOf, Thread } from "./thread.js";
import type { SentStep, Tensors, ThreadFacts, ThreadModel } from "./threads_protocol.js";

let serial = 0;

/** A stream at its worker. */
export class ThreadStream implements BackendStream {
  readonly thread: Thread;
  readonly number = serial++;
  readonly opened: Promise<void>;
  /** How many workers had ended at that place when it was opened: it ends with the next one. */
  readonly #ended: number;
  #isClosed = false;

  constructor(
    thread: Thread,
    how: { readonly from: Uint8Array | undefined } | { readonly forkOf: number },
  ) {
    this.thread = thread;
    this.#ended = thread.ended;
    thread.streams++;
    const { number } = this;
    const made =
      "forkOf" in how
        ? thread.ask({ name: "fork", stream: how.forkOf, to: number })
        : thread.ask({ name: "open", stream: number, from: how.from });
    // Bytes that are no state are the error of the first command.
    const isGiven = "from" in how && how.from !== undefined;
    this.opened = isGiven
      ? thread.ask({ name: "state", stream: number }).then(() => undefined)
      : made.then(() => undefined);
    made.catch(() => undefined);
    this.opened.catch(() => undefined);
  }

  get isLost(): boolean {
    return this.thread.ended !== this.#ended;
  }

  next(): Promise<Float64Array> {
    return Promise.reject(
      new Problem(
        "not-supported",
        "next: only a language model has probabilities of the next token",
      ),
    );
  }

  fork(): BackendStream {
    return new ThreadStream(this.thread, { forkOf: this.number });
  }

  state(): Promise<Uint8Array> {
    if (this.isLost) return Promise.reject(new StreamLostError("state", undefined, 0, undefined));
    return this.thread.ask({ name: "state", stream: this.number });
  }

  close(): void {
    if (this.#isClosed || this.isLost) return;
    this.#isClosed = true;
    this.thread.streams--;
    this.thread.ask({ name: "close", stream: this.number }).catch(() => undefined);
  }
}

/** How many workers there are, and how many sequences and runs may be without a result. */
export interface CrewLimits {
  readonly workers: number;
  readonly maxQueue: number;
}

/** The workers of a tagger or a graph. */
export class ThreadCrew {
  readonly facts: ThreadFacts;
  readonly #threads: readonly Thread[];
  readonly #maxQueue: number;
  /** Sequences and runs without a result. */
  #open = 0;

  private constructor(threads: readonly Thread[], facts: ThreadFacts, maxQueue: number) {
    this.#threads = threads;
    this.facts = facts;
    this.#maxQueue = maxQueue;
  }

  static async open(model: ThreadModel, { workers, maxQueue }: CrewLimits): Promise<ThreadCrew> {
    const threads = Array.from({ length: workers }, () => new Thread(model));
    try {
      const [facts] = await Promise.all(threads.map((thread) => thread.start()));
      return new ThreadCrew(threads, facts as ThreadFacts, maxQueue);
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.close(false)));
      throw error;
    }
  }

  #least(of: (thread: Thread) => number): Thread {
    const ready = this.#threads.filter(({ isReady }) => isReady);
    const all = ready.length > 0 ? ready : this.#threads;
    return all.reduce((least, each) => (of(each) < of(least) ? each : least));
  }

  /** Runs a call of n sequences, if there is room. @throws a `Problem` of code `overloaded` */
  async #admit<R>(n: number, call: () => Promise<R>): Promise<R> {
    if (this.#open > 0 && this.#open + n > this.#maxQueue) {
      throw new Problem("overloaded", `${this.#open} sequences wait, ${this.#maxQueue} may`, {
        retryAfter: 1,
      });
    }
    this.#open += n;
    try {
      return await call();
    } finally {
      this.#open -= n;
    }
  }

  /** @throws a `Problem` of code `overloaded` */
  run(inputs: Tensors, { signal }: CallOptions): Promise<Tensors> {
    return this.#admit(1, () =>
      this.#least(({ load }) => load).ask({ name: "run", inputs }, signal),
    );
  }

  openStream(from: Uint8Array | undefined): BackendStream {
    return new ThreadStream(
      this.#least(({ streams }) => streams),
      { from },
    );
  }

  /** One message for each worker. */
  async pushAll(
    pushes: readonly Push[],
    { states }: { readonly states: boolean },
  ): Promise<PushResult[]> {
    const results: PushResult[] = new Array(pushes.length);
    const byThread = new Map<Thread, number[]>();
    for (const [i, { stream }] of pushes.entries()) {
      const { thread, isLost } = stream as ThreadStream;
      if (isLost) results[i] = new StreamLostError("push", undefined, 0, undefined);
      else byThread.set(thread, [...(byThread.get(thread) ?? []), i]);
    }
    await Promise.all(
      [...byThread].map(async ([thread, places]) => {
        const of = places.map((i) => pushes[i] as Push);
        try {
          const answers = await thread.ask({
            name: "push",
            streams: of.map(({ stream }) => (stream as ThreadStream).number),
            steps: of.map(({ steps }) => steps as readonly SentStep[]),
            wantsStates: states,
          });
          for (const [k, i] of places.entries()) {
            const answer = answers[k];
            if (answer !== undefined) results[i] = "error" in answer ? errorOf(answer) : answer;
          }
        } catch (error) {
          for (const i of places) results[i] = error as Error;
        }
      }),
    );
    return results;
  }

  stats(): BackendStats {
    const sum = (of: (thread: Thread) => number): number =>
      this.#threads.reduce((all, thread) => all + of(thread), 0);
    return {
      workers: this.#threads.length,
      ready: sum(({ isReady }) => (isReady ? 1 : 0)),
      streams: sum(({ streams }) => streams),
      waiting: 0,
      running: sum(({ load }) => load),
      finished: sum(({ finished }) => finished),
      restarts: sum(({ ended }) => ended),
    };
  }

  async close(drain: boolean): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close(drain)));
  }
}
