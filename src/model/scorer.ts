import { checkOptions, type OptionNames } from "../options.js";
import type { Precision } from "../wasm/abi.js";
import { Handle } from "../wasm/handle.js";
import { run, runAtOnce } from "./batching.js";
import { readSequences, type Score, ScoreWork } from "./score_work.js";
import { openModel, type ScoringNetwork } from "./scoring_network.js";
import { checkRunOptions, type OnError, type Outcome, type RunOptions } from "./time_slices.js";
import type { Sequence, Vocabulary } from "./vocabulary.js";

const SYNC_NAMES = { onError: true } as const;
const SCORE_NAMES: OptionNames<RunOptions> = {
  onError: true,
  signal: true,
  yieldEvery: true,
  onProgress: true,
};

/** What all language models say of themselves. */
export abstract class TokenModel extends Handle {
  readonly vocabulary: Vocabulary | undefined;
  /** The number of different tokens. */
  readonly size: number;
  readonly precision: Precision;
  /** The token before every sequence, if there is one. */
  readonly start: number | undefined;
  /** What the model file does not say and was inferred, a sentence each. `verifyModel` shows whether it holds. */
  readonly assumptions: readonly string[];

  /** Takes over the caller's ownership of the network. @internal */
  constructor(language: ScoringNetwork, assumptions: readonly string[]) {
    super("model", language);
    const { network, tokenizer, start } = language;
    this.vocabulary = tokenizer.vocabulary;
    this.size = network.tokenCount;
    this.precision = network.dtype.precision;
    this.start = start;
    this.assumptions = assumptions;
  }
}

/** A language model that only scores lists of sequences, in fewer bytes than a `LanguageModel`. Made by `loadScorer`. */
export class Scorer extends TokenModel {
  /**
   * Scores sequences of any lengths; the event loop gets a turn every few milliseconds. The bits of a score are those of
   * `LanguageModel.score`: they depend neither on the other sequences nor on their number.
   *
   * @returns a score for each sequence, in order; with `onError: "return"` an error for each that cannot be scored
   * @throws {TypeError | RangeError} for a value that is no sequence, or a token that the model does not know
   * @throws {AbortedError} if `signal` aborts: `completed` holds the scores that were done
   */
  async score<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: RunOptions<E> = {},
  ): Promise<Outcome<Score, E>[]> {
    checkOptions("score", options, SCORE_NAMES);
    return run("score", this.#work("score", sequences, options), options);
  }

  /** As {@link score}, without giving way: for short work, workers and command lines. */
  scoreSync<E extends OnError = "throw">(
    sequences: readonly Sequence[],
    options: Pick<RunOptions<E>, "onError"> = {},
  ): Outcome<Score, E>[] {
    checkOptions("scoreSync", options, SYNC_NAMES);
    return runAtOnce(this.#work("scoreSync", sequences, options), options);
  }

  #work(where: string, sequences: readonly Sequence[], options: RunOptions<OnError>): ScoreWork {
    const language = openModel<ScoringNetwork>(where, this);
    checkRunOptions(where, options);
    return new ScoreWork(where, language, readSequences(where, language, sequences));
  }
}
