import { AbortedError } from "../errors.js";
import type { AbortSignalLike } from "../host.js";
import {
  checkConcurrency,
  checkIterable,
  iteratorOf,
  leading,
  SourceReader,
} from "../model/score_stream.js";
import type { OnError, Outcome } from "../model/time_slices.js";
import { watchAbort } from "./abort_watch.js";
import type { Given } from "./call_setup.js";
import { OwnSignal } from "./own_signal.js";
import type { PoolCore } from "./pool_core.js";

/** Sequences that are held for each worker. */
const HELD = 256;
/** Sequences for each worker that are handed on together, if they have arrived: a batch of the model. */
const GROUP = 64;

export interface ManySetup<S, R> {
  readonly open: () => AsyncIterator<S> | Iterator<S>;
  /** The most sequences that are read and not given out. */
  readonly concurrency: number;
  readonly workers: number;
  readonly signal: AbortSignalLike | undefined;
  readonly onError: "throw" | "return";
  /** Checks a sequence as it arrives. */
  readonly read: (sequence: S, i: number) => Given;
  /** Scores some, until `ended` aborts. An error takes the place of a result. */
  readonly score: (
    given: readonly Given[],
    first: number,
    ended: AbortSignalLike,
  ) => Promise<(R | Error)[]>;
}

type Settled<R> = { readonly results: (R | Error)[] } | { readonly error: unknown };

/** Sequences that were read, in groups, each on its way to its scores. */
class Groups<S, R> {
  readonly #setup: ManySetup<S, R>;
  readonly #reader: SourceReader<S, Given>;
  readonly #ended = new OwnSignal();
  readonly #unwatch: () => void;
  readonly #size: number;
  /** In the order of the source. */
  readonly #scoring: Promise<Settled<R>>[] = [];
  #reading: Promise<undefined> | undefined;
  #isEnd = false;
  /** Sequences that were read, and those of them that were not given out. */
  #count = 0;
  #held = 0;
  /** Why the source ended, unless by itself. */
  failure: { readonly cause: unknown } | undefined;

  constructor(setup: ManySetup<S, R>) {
    const { concurrency, workers, open, read, signal } = setup;
    this.#setup = setup;
    this.#size = Math.min(GROUP * workers, Math.max(Math.ceil(concurrency / 4), 1));
    this.#reader = new SourceReader(open(), async (item, i) => read(item, i), signal);
    this.#unwatch = watchAbort(signal, () => this.#ended.abort(signal?.reason));
  }

  /** The results of the next group; undefined after the last one. */
  async next(): Promise<(R | Error)[] | undefined> {
    for (;;) {
      this.refill();
      const [head] = this.#scoring;
      if (head === undefined && this.#reading === undefined) return undefined;
      // Whichever comes first: a group is given out while the source is slow, and read while workers are.
      const settled = await Promise.race(
        [head, this.#reading].filter((each) => each !== undefined),
      );
      if (settled === undefined) continue;
      this.#scoring.shift();
      if ("error" in settled) throw settled.error;
      return settled.results;
    }
  }

  /** One result was given out. */
  release(): void {
    this.#held--;
    this.refill();
  }

  /** Reads on if there is room for a whole group: a call for each sequence costs as much as to score it. */
  refill(): void {
    const room = this.#setup.concurrency - this.#held;
    if (!this.#isEnd && room >= this.#size) this.#reading ??= this.#read();
  }

  /** Ends what is at work, and the source. */
  async end(): Promise<void> {
    this.#unwatch();
    this.#isEnd = true;
    this.#ended.abort();
    await this.#reader.end();
  }

  async #read(): Promise<undefined> {
    const { score } = this.#setup;
    const { items, isEnd, failure } = await this.#reader.take(this.#size);
    this.#reading = undefined;
    if (isEnd) {
      this.#isEnd = true;
      this.failure = failure;
    }
    if (items.length === 0) return undefined;
    const scores = score(items, this.#count, this.#ended);
    const settled: Promise<Settled<R>> = scores.then(
      (results) => ({ results }),
      (error: unknown) => ({ error }),
    );
    this.#scoring.push(settled);
    this.#count += items.length;
    this.#held += items.length;
    return undefined;
  }
}

/**
 * Scores the sequences of a source in order. Reading, scoring and giving out go on side by side, as long as at most
 * `concurrency` sequences are held.
 */
export async function* scoreInOrder<S, R>(
  setup: ManySetup<S, R>,
): AsyncGenerator<R | Error, void, void> {
  const groups = new Groups(setup);
  let failure: { readonly cause: unknown } | undefined;
  try {
    for (let results = await groups.next(); results !== undefined; results = await groups.next()) {
      for (const result of results) {
        if (result instanceof Error && setup.onError === "throw") throw result;
        groups.release();
        yield result;
      }
    }
    failure = groups.failure;
  } catch (cause) {
    if (cause instanceof AbortedError) {
      yield* leading(cause.completed as (R | Error | undefined)[]);
    }
    failure = { cause };
  } finally {
    // An error of the source's `return` counts for nothing beside another one.
    await (failure === undefined ? groups.end() : groups.end().catch(() => undefined));
  }
  if (failure !== undefined) throw failure.cause;
}

/** What `scoreMany` or `tagMany` was given, and how its sequences are worked on. */
export interface ManyPlan<S, R, E extends OnError> {
  readonly where: string;
  readonly sequences: AsyncIterable<S> | Iterable<S>;
  readonly options: {
    readonly signal?: AbortSignalLike | undefined;
    readonly onError?: E | undefined;
    readonly concurrency?: number | undefined;
  };
  readonly read: (sequence: S, i: number) => Given;
  /** Works on some until `signal` aborts; those of one owner in their order. */
  readonly work: (
    some: {
      readonly given: readonly Given[];
      readonly first: number;
      readonly signal: AbortSignalLike;
    },
    owner: object,
  ) => Promise<(R | Error)[]>;
}

/** The results of sequences as they arrive, in order. The options were checked. */
export function workOnMany<S, R, E extends OnError>(
  core: PoolCore,
  { where, sequences, options, read, work }: ManyPlan<S, R, E>,
): AsyncGenerator<Outcome<R, E>, void, void> {
  const { onError = "throw", signal, concurrency } = options;
  core.checkOpen(where);
  checkIterable(sequences);
  if (concurrency !== undefined) checkConcurrency(concurrency);
  const owner = {};
  const results = scoreInOrder<S, R>({
    open: () => iteratorOf(sequences),
    concurrency: concurrency ?? HELD * core.size,
    workers: core.size,
    signal,
    onError,
    read,
    score: (given, first, ended) => core.count(() => work({ given, first, signal: ended }, owner)),
  });
  return results as AsyncGenerator<Outcome<R, E>, void, void>;
}
