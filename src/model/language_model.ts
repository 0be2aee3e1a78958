import { AbortedError, StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance } from "../tensor.js";
import { ITEM, type Precision } from "../wasm/abi.js";
import type { Block } from "../wasm/arena.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import {
  type BatchResults,
  type NetworkSequence,
  readAll,
  run,
  runAtOnce,
  type SequenceWork,
} from "./batching.js";
import { type LanguageNetwork, openLanguage } from "./language_network.js";
import type { Network } from "./network.js";
import type { InitialState } from "./network_pass.js";
import { checkConcurrency, checkIterable, inOrder } from "./score_stream.js";
import { LanguageStream, StreamContent } from "./stream.js";
import {
  checkRunOptions,
  type OnError,
  type Outcome,
  type RunOptions,
  runInSlices,
  TimeSlice,
} from "./time_slices.js";
import type { Sequence, Vocabulary } from "./vocabulary.js";

/** How likely a model finds a sequence. */
export interface Score {
  /** The sum of `tokenLogProbs`, in nats. */
  readonly logProb: number;
  /**
   * The log-probability of each token given those before it, in nats. Without a start token the first token has none: it
   * conditions only.
   */
  readonly tokenLogProbs: Float64Array;
  /** The number of tokens that were scored. */
  readonly tokens: number;
  /** exp(−logProb / tokens); NaN if nothing was scored. */
  readonly perplexity: number;
  /** −logProb / (tokens·ln 2); NaN if nothing was scored. */
  readonly bitsPerToken: number;
}

/** Options of `score`; `scoreSync` takes `from` and `onError`. */
export interface ScoreOptions<E extends OnError = "throw"> extends RunOptions<E> {
  /** A stream that has read the start of every sequence: that start is computed once. The stream is not changed. */
  readonly from?: LanguageStream | undefined;
}

/** Options of `scoreMany`. */
export interface ScoreManyOptions<E extends OnError = "throw">
  extends Omit<ScoreOptions<E>, "onProgress"> {
  /** The most sequences that are held at a time. Default 256. */
  readonly concurrency?: number | undefined;
}

const SYNC_NAMES = { from: true, onError: true } as const;
const SCORE_NAMES: OptionNames<ScoreOptions> = {
  ...SYNC_NAMES,
  signal: true,
  yieldEvery: true,
  onProgress: true,
};
const SCORE_MANY_NAMES: OptionNames<ScoreManyOptions> = {
  ...SYNC_NAMES,
  signal: true,
  yieldEvery: true,
  concurrency: true,
};

/** A model that says how likely each token is after those before it. Made by `loadLanguageModel`. */
export class LanguageModel extends Handle {
  readonly vocabulary: Vocabulary | undefined;
  /** The number of different tokens. */
  readonly size: number;
  readonly precision: Precision;
  /** The token before every sequence, if there is one. */
  readonly start: number | undefined;

  /** Takes over the caller's ownership of the network. @internal */
  constructor(language: LanguageNetwork) {
    super("model", language);
    const { network, tokenizer, start } = language;
    this.vocabulary = tokenizer.vocabulary;
    this.size = network.tokenCount;
    this.precision = network.dtype.precision;
    this.start = start;
  }

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
    return run(where, scoreAll(where, language, sequences, options.from), options);
  }

  /** As {@link score}, without giving way: for short work, workers and command lines. */
  scoreSync<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: Pick<ScoreOptions<E>, "from" | "onError"> = {},
  ): Outcome<Score, E>[] {
    const where = "scoreSync";
    checkOptions(where, options, SYNC_NAMES);
    const language = this.#open(where, options);
    return runAtOnce(scoreAll(where, language, sequences, options.from), options);
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
    const slice = new TimeSlice(yieldEvery);
    const aborted = (reason: unknown) => new AbortedError(where, [], reason);
    const encode = async (sequence: Sequence, i: number): Promise<Int32Array | Error> => {
      const { tokenizer } = this.#open(where, {});
      const name = `sequences[${i}]`;
      try {
        const given = tokenizer.read(where, name, sequence);
        return await runInSlices(tokenizer.encode(where, name, given), slice, signal, aborted);
      } catch (error) {
        if (onError !== "return" || error instanceof AbortedError) throw error;
        return error as Error;
      }
    };
    const score = async (given: (Int32Array | Error)[]): Promise<Outcome<Score, E>[]> => {
      const work = new ScoreWork(where, this.#open(where, {}), given, from);
      return run(where, work, { onError, signal }, slice);
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

function scoreAll(
  where: string,
  language: LanguageNetwork,
  sequences: readonly Sequence[],
  from: LanguageStream | undefined,
): ScoreWork {
  const given = readAll(where, sequences, (sequence, name) =>
    language.tokenizer.read(where, name, sequence),
  );
  return new ScoreWork(where, language, given, from);
}

/** Scores sequences: the log-probability of each target is taken from the logits as they come, which are never kept. */
class ScoreWork implements SequenceWork<Score> {
  readonly network: Network;
  readonly count: number;
  readonly output = "steps";
  readonly #where: string;
  readonly #language: LanguageNetwork;
  readonly #given: readonly (string | Int32Array | Error)[];
  readonly #from: LanguageStream | undefined;
  /** A copy of the state of `from`: the stream may go on, or be disposed of, during a pause. */
  #state: Block | undefined;
  /** The log-probabilities of the first token, where `from` has read one. */
  #first: Float64Array | undefined;
  /** All tokens of each sequence, those that are read and last the final target. */
  readonly #tokens: Int32Array[] = [];

  constructor(
    where: string,
    language: LanguageNetwork,
    given: readonly (string | Int32Array | Error)[],
    from: LanguageStream | undefined,
  ) {
    this.network = language.network;
    this.count = given.length;
    this.#where = where;
    this.#language = language;
    this.#given = given;
    this.#from = from;
  }

  open(): InitialState | undefined {
    if (this.#from === undefined) return undefined;
    const { block, isPrimed } = contentOf<StreamContent>(this.#where, this.#from);
    this.#state = this.#language.newState(block);
    const { pointer } = this.#state;
    if (isPrimed) this.#first = this.#language.logProbs(pointer);
    return this.network.stacks.map((_, s) => this.#language.stateAt(pointer, s));
  }

  close(): void {
    this.#state?.release();
  }

  *read(i: number): Generator<void, NetworkSequence, void> {
    const given = this.#given[i] as string | Int32Array | Error;
    if (given instanceof Error) throw given;
    const { tokenizer, start } = this.#language;
    let tokens = yield* tokenizer.encode(this.#where, `sequences[${i}]`, given);
    if (start !== undefined && this.#from === undefined) {
      const all = new Int32Array(tokens.length + 1);
      all[0] = start;
      all.set(tokens, 1);
      tokens = all;
    }
    this.#tokens[i] = tokens;
    return { steps: Math.max(tokens.length - 1, 0), tokens };
  }

  begin(members: readonly number[]): BatchResults<Score> {
    const { arena, kernels } = this.network.engine;
    const all = members.map((i) => this.#tokens[i] as Int32Array);
    const logProbs = all.map((tokens) => {
      const first = this.#first?.[tokens[0] as number];
      const own = new Float64Array(Math.max(tokens.length - 1, 0) + (first === undefined ? 0 : 1));
      if (first !== undefined) own[0] = first;
      return own;
    });
    const shift = this.#first === undefined ? 0 : 1;
    return {
      take: ({ rows, pointer, sequences, steps, scratch }) => {
        const target = scratch + rows * ITEM;
        const targets = arena.i32(target, rows);
        for (let r = 0; r < rows; r++) {
          const tokens = all[sequences[r] as number] as Int32Array;
          targets[r] = tokens[(steps[r] as number) + 1] as number;
        }
        kernels.score_rows(rows, this.network.dense.outputSize, pointer, target, scratch);
        const found = arena.f64(scratch, rows);
        for (let r = 0; r < rows; r++) {
          const own = logProbs[sequences[r] as number] as Float64Array;
          own[(steps[r] as number) + shift] = found[r] as number;
        }
      },
      finish: () => scoresOf(this.network.engine, logProbs),
    };
  }
}

/** The scores of sequences. The perplexity is computed by the engine's exp, so that every host gives the same bits. */
function scoresOf({ arena, kernels }: EngineCore, all: readonly Float64Array[]): Score[] {
  const m = all.length;
  const sums = all.map((logProbs) => logProbs.reduce((sum, logProb) => sum + logProb, 0));
  return withScratch(arena, 2 * m * ITEM, ({ pointer }) => {
    arena.f64(pointer, m).set(sums.map((sum, b) => -sum / (all[b] as Float64Array).length));
    kernels.exp_map(m, pointer, pointer + m * ITEM);
    const perplexities = arena.f64(pointer + m * ITEM, m);
    return all.map((tokenLogProbs, b) => ({
      logProb: sums[b] as number,
      tokenLogProbs,
      tokens: tokenLogProbs.length,
      perplexity: perplexities[b] as number,
      bitsPerToken: -(sums[b] as number) / (tokenLogProbs.length * Math.LN2),
    }));
  });
}
