import type { LanguageNetwork } from "../model/language_network.js";
import type { LanguageStream } from "../model/stream.js";
import type { SliceOptions } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import type { OptionNames } from "../options.js";
import { describe } from "../tensor.js";

/** How a token is drawn from the log-probabilities of a model. The defaults draw from the model as it is. */
export interface SamplingOptions {
  /** Divides the log-probabilities; 0 takes the likeliest token. Default 1. */
  readonly temperature?: number | undefined;
  /** Draws from the k likeliest tokens. Default: from all. */
  readonly topK?: number | undefined;
  /** Draws from the fewest likeliest tokens whose probabilities add up to this. Default 1. */
  readonly topP?: number | undefined;
  /** Draws from the tokens at least this many times as likely as the likeliest. Default 0. */
  readonly minP?: number | undefined;
  /** Multiplies the log-probabilities of tokens in the prompt and in what was generated. Default 1. */
  readonly repetitionPenalty?: number | undefined;
  /** An integer in 0 … 2^53 − 1. Default 0. */
  readonly seed?: number | undefined;
}

/** What ends a generation. */
export interface EndOptions {
  /** The most tokens that are generated. Default 256. */
  readonly maxTokens?: number | undefined;
  /**
   * Texts, or ids of tokens, that end the generation and are not part of it. A text is found wherever the borders of tokens
   * are.
   */
  readonly stop?: string | number | readonly (string | number)[] | undefined;
  /**
   * The only continuations that may be generated: texts or ids. The generation ends with one of them that is not the
   * beginning of another.
   */
  readonly allowed?: readonly Sequence[] | undefined;
}

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions, EndOptions, SliceOptions {
  /** A text or ids to continue. Default: none, for a model with a start token, or after `from`. */
  readonly prompt?: Sequence | undefined;
  /** A stream that has read what comes before the prompt. It is not changed. */
  readonly from?: LanguageStream | undefined;
}

export const GENERATE_NAMES: OptionNames<GenerateOptions> = {
  prompt: true,
  maxTokens: true,
  temperature: true,
  topK: true,
  topP: true,
  minP: true,
  repetitionPenalty: true,
  stop: true,
  allowed: true,
  seed: true,
  from: true,
  signal: true,
  yieldEvery: true,
};

const DEFAULT_TOKENS = 256;
/** Each text is compared at each character. */
const MOST_STOP_TEXTS = 64;

/** Options that were checked. */
export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly penalty: number;
  readonly seed: number;
}

export function checkNumber(
  where: string,
  name: string,
  value: unknown,
  { expected, holds }: { readonly expected: string; readonly holds: (value: number) => boolean },
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${where}: ${name}: expected ${expected}, got ${describe(value)}`);
  }
  if (holds(value)) return value;
  throw new RangeError(`${where}: ${name}: expected ${expected}, got ${value}`);
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
const COUNT = { expected: "an integer ≥ 1", holds: isCount };
const SHARE = { expected: "a number in 0 … 1", holds: (value: number) => value >= 0 && value <= 1 };
const SEED = {
  expected: "an integer in 0 … 2^53 − 1",
  holds: (value: number) => Number.isSafeInteger(value) && value >= 0,
};

export const checkCount = (where: string, name: string, value: unknown): number =>
  checkNumber(where, name, value, COUNT);

export const checkMaxTokens = (where: string, maxTokens: number = DEFAULT_TOKENS): number =>
  checkCount(where, "maxTokens", maxTokens);

/** Checks how tokens are drawn. @param most the last of the seeds is `seed` + `most` − 1 */
export function checkSampling(where: string, options: SamplingOptions, most = 1): Sampling {
  const { temperature = 1, topK, topP = 1, minP = 0, repetitionPenalty = 1, seed = 0 } = options;
  checkNumber(where, "seed", checkNumber(where, "seed", seed, SEED) + (most - 1), SEED);
  return {
    temperature: checkNumber(where, "temperature", temperature, {
      expected: "a finite number ≥ 0",
      holds: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
    }),
    // A kernel takes 32 bits; beyond the number of tokens all are alike.
    topK: topK === undefined ? 0 : Math.min(checkCount(where, "topK", topK), 2 ** 31),
    topP: checkNumber(where, "topP", topP, SHARE),
    minP: checkNumber(where, "minP", minP, SHARE),
    penalty: checkNumber(where, "repetitionPenalty", repetitionPenalty, {
      expected: "a finite number > 0",
      holds: (value) => value > 0 && value < Number.POSITIVE_INFINITY,
    }),
    seed,
  };
}

/** The stops of a call. */
export interface Stops {
  readonly ids: ReadonlySet<number>;
  readonly texts: readonly string[];
}

/** Checks stops. A text that is one token stays a text, as it may also come in two. */
export function checkStops(
  where: string,
  { tokenizer }: LanguageNetwork,
  stop: EndOptions["stop"] = [],
): Stops {
  const list: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  const ids = new Set<number>();
  const texts: string[] = [];
  list.forEach((each, i) => {
    const name = Array.isArray(stop) ? `stop[${i}]` : "stop";
    if (typeof each === "number") ids.add(tokenizer.id(where, name, each));
    else if (typeof each !== "string") {
      throw new TypeError(`${where}: ${name}: expected a text or an id, got ${describe(each)}`);
    } else if (each === "") {
      throw new RangeError(`${where}: ${name}: expected at least one character`);
    } else if (tokenizer.vocabulary === undefined) {
      const hint = "load the model with { vocabulary }, or pass ids";
      throw new TypeError(`${where}: ${name}: a text needs a vocabulary: ${hint}`);
    } else texts.push(each);
  });
  if (texts.length > MOST_STOP_TEXTS) {
    throw new RangeError(
      `${where}: stop: expected at most ${MOST_STOP_TEXTS} texts, got ${texts.length}`,
    );
  }
  return { ids, texts };
}

/** Checks and copies the continuations that are allowed. */
export function readAllowed(
  where: string,
  { tokenizer }: LanguageNetwork,
  allowed: readonly Sequence[] | undefined,
): (string | Int32Array)[] | undefined {
  if (allowed === undefined) return undefined;
  if (!Array.isArray(allowed)) {
    throw new TypeError(`${where}: allowed: expected an array, got ${describe(allowed)}`);
  }
  if (allowed.length === 0) {
    throw new RangeError(`${where}: allowed: expected at least one continuation`);
  }
  return allowed.map((each: Sequence, i) => {
    const given = tokenizer.read(where, `allowed[${i}]`, each);
    if (given.length > 0) return given;
    throw new RangeError(`${where}: allowed[${i}]: expected at least one token`);
  });
}
