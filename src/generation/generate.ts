import { AbortedError } from "../errors.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import { schedulerOf } from "../model/scheduler.js";
import type { LanguageStream } from "../model/stream.js";
import type { SliceOptions } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import { type Call, checkCall, type Prompts, readPrompts } from "./call.js";
import { languageOf } from "./model.js";
import {
  checkCount,
  checkSampling,
  type EndOptions,
  GENERATE_NAMES,
  type GenerateOptions,
  type Sampling,
  type SamplingOptions,
} from "./options.js";
import type { Generated, GeneratedToken, Sample } from "./sample.js";
import { runSamples } from "./samples.js";

/** Options of `generateMany`. */
export interface GenerateManyOptions extends SamplingOptions, EndOptions, SliceOptions {
  /** Texts or ids to continue. Default: one, without tokens. */
  readonly prompts?: readonly Sequence[] | undefined;
  /** Samples of each prompt. Sample i of all has the seed `seed` + i. Default 1. */
  readonly samples?: number | undefined;
  /** A stream that has read what comes before every prompt. It is not changed. */
  readonly from?: LanguageStream | undefined;
}

const MANY_NAMES: OptionNames<GenerateManyOptions> = {
  prompts: true,
  samples: true,
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

/**
 * Continues a text, token by token. Tokens are drawn as the options say, in the order of Hugging Face's processors:
 * repetition penalty, temperature, top-k, top-p, min-p. The same seed gives the same tokens on every host. The next token is
 * computed when it is asked for, and leaving the loop ends the work.
 *
 * @returns the tokens as they come; the iterator's last value is all of them
 * @throws {TypeError | RangeError} for an option of the wrong kind or size, or a prompt that the model does not know
 * @throws {StateError} if the model is disposed, or `from` is a stream of another one
 * @throws {AbortedError} if `signal` aborts
 */
export function generate(
  model: LanguageModel,
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, Generated, void> {
  const where = "generate";
  const language = languageOf(where, model);
  checkOptions(where, options, GENERATE_NAMES);
  const call = { ...checkCall(where, language, options), sampling: checkSampling(where, options) };
  const { prompt = [], from, signal, yieldEvery } = options;
  const prompts = readPrompts(where, model, [["prompt", prompt]], { samples: 1, from });
  return generateEach(language, call, prompts, { signal, yieldEvery });
}

async function* generateEach(
  language: LanguageNetwork,
  call: Call & { readonly sampling: Sampling },
  prompts: Prompts,
  { signal, yieldEvery }: SliceOptions,
): AsyncGenerator<GeneratedToken, Generated, void> {
  const { where } = call;
  const scheduler = schedulerOf(language.network.engine);
  language.network.engine.checkOpen();
  let sample: Sample | undefined;
  const work = runSamples(language, call, prompts, {
    begun: (begun) => {
      sample = begun;
    },
    ended: () => undefined,
  });
  let given = 0;
  /** Works until a token is certain, or the sample ends. */
  function* untilCertain(): Generator<void, void, void> {
    while (sample === undefined || (sample.certain === given && sample.reason === undefined)) {
      if (work.next().done) return;
      yield;
    }
  }
  const aborted = (reason: unknown) =>
    new AbortedError(where, [], reason, { done: given, total: call.maxTokens });
  try {
    for (;;) {
      await scheduler.run(untilCertain(), { signal, yieldEvery, aborted });
      const { certain, reason } = sample as unknown as Sample;
      while (given < certain) yield (sample as unknown as Sample).at(given++);
      if (reason !== undefined) return (sample as unknown as Sample).result();
    }
  } finally {
    work.return();
    prompts.from?.dispose();
  }
}

/**
 * Continues many texts, or one text many times, side by side: one pass a step for all of them. A sample that ends leaves the
 * others room, and a sample's bits are those that it has alone: sample i, of all in order, is that of `generate` with
 * `seed` + i.
 *
 * @returns the samples in order: all of the first prompt, then all of the next one
 * @throws as `generate`; an `AbortedError` has the samples that were done in `completed`
 */
export async function generateMany(
  model: LanguageModel,
  options: GenerateManyOptions = {},
): Promise<Generated[]> {
  const where = "generateMany";
  const language = languageOf(where, model);
  checkOptions(where, options, MANY_NAMES);
  const { prompts: list = [[]], from, signal, yieldEvery } = options;
  if (!Array.isArray(list)) {
    throw new TypeError(`${where}: prompts: expected an array, got ${describe(list)}`);
  }
  const samples = checkCount(where, "samples", options.samples ?? 1);
  const count = list.length * samples;
  const call = {
    ...checkCall(where, language, options),
    sampling: checkSampling(where, options, Math.max(count, 1)),
  };
  const named = list.map((prompt: Sequence, p) => [`prompts[${p}]`, prompt] as const);
  const prompts = readPrompts(where, model, named, { samples, from });
  const results: (Generated | undefined)[] = Array(count).fill(undefined);
  const work = runSamples(language, call, prompts, {
    ended: (sample) => {
      results[sample.index] = sample.result();
    },
  });
  const aborted = (reason: unknown) => new AbortedError(where, results, reason);
  try {
    await schedulerOf(language.network.engine).run(work, { signal, yieldEvery, aborted });
  } finally {
    prompts.from?.dispose();
  }
  return results as Generated[];
}
