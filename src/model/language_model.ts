import { AbortedError, StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance } from "../tensor.js";
import { contentOf } from "../wasm/handle.js";
import { type IndexedError, run, runAtOnce, runEach } from "./batching.js";
import { type LanguageNetwork, openLanguage } from "./language_network.js";
import { schedulerOf } from "./scheduler.js";
import { StreamStart } from "./score_start.js";
import { checkConcurrency, checkIterable, inOrder } from "./score_stream.js";
import { type GivenSequence, readSequences, type Score, ScoreWork } from "./score_work.js";
import { TokenModel } from "./scorer.js";
import { LanguageStream } from "./stream.js";
import { StreamContent } from "./stream_state.js";
import { checkRunOptions, type OnError, type Outcome, type RunOptions } from "./time_slices.js";
import { type Sequence, UNITS_PER_PAUSE } from "./vocabulary.js";

/** Options of `score`; `scoreSync` takes `from` and `onError`. */
export interface ScoreOptions<E extends OnError = "throw"> extends RunOptions<E> {
  /** A stream that has read the start of every sequence: that start is computed once. The stream is not changed. */
  readonly from?: LanguageStream | undefined;
}

/** Options of `scoreEach`. */
export interface ScoreEachOptions<E extends OnError = "throw">
  extends Omit<ScoreOptions<E>, "onProgress"> {}

/** The score of a sequence of a list. */
export interface IndexedScore {
  /** The place of the sequence in the list. */
  readonly index: number;
  readonly score: Score;
  readonly error?: undefined;
}

/** What `scoreEach` gives for one sequence: with `onError: "return"` perhaps an error. */
export type EachScore<E extends OnError> =
  | IndexedScore
  | (E extends "return" ? IndexedError & { readonly score?: undefined } : never);

/** Options of `scoreMany`. */
export interface ScoreManyOptions<E extends OnError = "throw">
  extends Omit<ScoreOptions<E>, "onProgress"> {
  /** The most sequences that are held at a time. Default 256. */
  readonly concurrency?: number | undefined;
}

const SYNC_NAMES = { from: true, onError: true } as const;
const EACH_NAMES: OptionNames<ScoreEachOptions> = {
  from: true,
  onError: true,
  signal: true,
  yieldEvery: true,
};
const SCORE_NAMES: OptionNames<ScoreOptions> = {
  from: true,
  onError: true,
  signal: true,
  yieldEvery: true,
  onProgress: true,
};
const SCORE_MANY_NAMES: OptionNames<ScoreManyOptions> = {
  from: true,
  onError: true,
  signal: true,
  yieldEvery: true,
  concurrency: true,
};

/** A model that says how likely each token is after those before it. Made by `loadLanguageModel`. */
export class LanguageModel extends TokenModel {
  /** 16 hexadecimal digits that differ between models whose weights differ. Computed at the first use; states carry them. */
  get hash(): string {
    return contentOf<LanguageNetwork>("hash", this).hash;
  }

  /**
   * Scores sequences of any lengths; the event loop gets a turn every few milliseconds. The bits of a score depend neither
   * on the other sequences nor on their number. A model or stream that is disposed of meanwhile lives until the end.
   *
   * @returns a score for each sequence, in order; with `onError: "return"` an error for each that cannot be scored
   * @throws {TypeError | RangeError} for a value that is no sequence, or a token that the model does not know
   * @throws {AbortedError} if `signal` aborts: `completed` holds the scores that were done
   */
  async score<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: ScoreOptions<E> = {},
  ): Promise<Outcome<Score, E>[]> {
    const where = "score";
    checkOptions(where, options, SCORE_NAMES);
    const language = this.#open(where, options);
    const given = readSequences(where, language, sequences);
    return run(where, workOf(where, language, given, options.from), options);
  }

  /** As {@link score}, without giving way: for short work, workers and command lines. */
  scoreSync<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: Pick<ScoreOptions<E>, "from" | "onError"> = {},
  ): Outcome<Score, E>[] {
    const where = "scoreSync";
    checkOptions(where, options, SYNC_NAMES);
    const language = this.#open(where, options);
    const given = readSequences(where, language, sequences);
    return runAtOnce(workOf(where, language, given, options.from), options);
  }

  /**
   * As {@link score}, but gives each score as soon as it is there, with the place of its sequence: short sequences do not wait
   * for long ones. Leaving the loop ends the work.
   *
   * @throws {TypeError | RangeError} as `score`, before the first score, unless `onError` is `"return"`
   * @throws {AbortedError} if `signal` aborts, after all scores that were done
   */
  scoreEach<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: ScoreEachOptions<E> = {},
  ): AsyncGenerator<EachScore<E>, void, void> {
    const where = "scoreEach";
    checkOptions(where, options, EACH_NAMES);
    const language = this.#open(where, options);
    const given = readSequences(where, language, sequences);
    // A copy of the stream as it is now: the work begins later.
    return this.#scoreEach(where, given, { ...options, from: options.from?.fork() });
  }

  async *#scoreEach<E extends OnError>(
    where: string,
    given: ReturnType<typeof readSequences>,
    options: ScoreEachOptions<E>,
  ): AsyncGenerator<EachScore<E>, void, void> {
    const { from } = options;
    try {
      const work = workOf(where, this.#open(where, {}), given, from);
      yield* runEach(where, work, options, (index, result) => {
        const entry = result instanceof Error ? { index, error: result } : { index, score: result };
        return entry as EachScore<E>;
      });
    } finally {
      from?.dispose();
    }
  }

  /**
   * Scores sequences as they arrive, in order and in bounded memory: at most `concurrency` of them are held, and those that
   * have arrived are scored without waiting for more. The source's `return` is called if it is left before its end.
   *
   * @throws the errors of `score`, in the place of the sequence at fault: after all scores before it
   */
  scoreMany<E extends OnError = "throw">(
    sequences: AsyncIterable<Sequence> | Iterable<Sequence>,
    options: ScoreManyOptions<E> = {},
  ): AsyncGenerator<Outcome<Score, E>, void, void> {
    const where = "scoreMany";
    checkOptions(where, options, SCORE_MANY_NAMES);
    this.#open(where, options);
    checkIterable(sequences);
    checkConcurrency(options.concurrency);
    // A copy of the stream as it is now: the work begins later.
    return this.#scoreMany(where, sequences, { ...options, from: options.from?.fork() });
  }

  async *#scoreMany<E extends OnError>(
    where: string,
    sequences: AsyncIterable<Sequence> | Iterable<Sequence>,
    { concurrency, signal, yieldEvery, from, onError }: ScoreManyOptions<E>,
  ): AsyncGenerator<Outcome<Score, E>, void, void> {
    const aborted = (reason: unknown) => new AbortedError(where, [], reason);
    let units = 0;
    const encode = async (sequence: Sequence, i: number): Promise<Int32Array | Error> => {
      const { network, tokenizer } = this.#open(where, {});
      const name = `sequences[${i}]`;
      try {
        const given = tokenizer.read(where, name, sequence);
        const job = tokenizer.encode(where, name, given);
        units += typeof given === "string" ? given.length : 0;
        if (units < UNITS_PER_PAUSE) return job.next().value as Int32Array;
        units = 0;
        return await schedulerOf(network.engine).run(job, { signal, yieldEvery, aborted });
      } catch (error) {
        if (onError !== "return" || error instanceof AbortedError) throw error;
        return error as Error;
      }
    };
    const score = async (given: (Int32Array | Error)[]): Promise<Outcome<Score, E>[]> => {
      const work = workOf(where, this.#open(where, {}), given, from);
      return run(where, work, { onError, signal, yieldEvery });
    };
    try {
      yield* inOrder(sequences, { concurrency, signal, encode, score });
    } finally {
      from?.dispose();
    }
  }

  /** A live stream of tokens. To be disposed of. */
  stream(): LanguageStream {
    const language = this.#open("stream", {});
    const block = language.newState();
    return new LanguageStream(new StreamContent(this, block, language.reset(block)));
  }

  /** Checks options that are known by name. */
  #open(where: string, options: ScoreOptions<OnError>): LanguageNetwork {
    const language = openLanguage(where, this);
    checkRunOptions(where, options);
    const { from } = options;
    if (from === undefined) return language;
    checkInstance(where, "from", LanguageStream, "a stream", from);
    if (contentOf<StreamContent>(where, from).model === this) return language;
    throw new StateError(`${where}: from: a stream of another model`);
  }
}

const workOf = (
  where: string,
  language: LanguageNetwork,
  given: readonly GivenSequence[],
  from: LanguageStream | undefined,
): ScoreWork =>
  new ScoreWork(where, language, given, from && new StreamStart(where, language, from));
