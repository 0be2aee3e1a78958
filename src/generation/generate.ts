import { AbortedError } from "../errors.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import { schedulerOf } from "../model/scheduler.js";
import type { LanguageStream } from "../model/stream.js";
import { checkRunOptions, type SliceOptions } from "../model/time_slices.js";
import { type Sequence, UNITS_PER_PAUSE } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { Block, Shared } from "../wasm/arena.js";
import { Continuations } from "./continuations.js";
import { forkOf, type Given, initialState, languageOf, readPrompt } from "./model.js";
import {
  checkCount,
  checkMaxTokens,
  checkSampling,
  checkStops,
  type EndOptions,
  GENERATE_NAMES,
  type GenerateOptions,
  readAllowed,
  type Sampling,
  type SamplingOptions,
} from "./options.js";
import { type Generated, type GeneratedToken, Sample, type SampleRules } from "./sample.js";
import { SampleBatch } from "./sample_batch.js";
import { StopTexts } from "./stop_texts.js";

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

/** Samples that run side by side at most; more of them would gain nothing. */
const MOST_ROWS = 64;
const NOTHING = new Int32Array(0);
/** Tokens of a prompt that are read without a pause. */
const TOKENS_PER_PAUSE = 32;

/** What a call was given, checked and copied. */
interface Call {
  readonly where: string;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  readonly rules: (allowed: Continuations | undefined) => SampleRules;
  readonly allowed: readonly Given[] | undefined;
}

function checkCall(
  where: string,
  language: LanguageNetwork,
  options: SamplingOptions & EndOptions & SliceOptions,
  samples: number,
): Call {
  checkRunOptions(where, options);
  const maxTokens = checkMaxTokens(where, options.maxTokens);
  const sampling = checkSampling(where, options, samples);
  const { ids, texts } = checkStops(where, language, options.stop);
  const stopTexts = texts.length === 0 ? undefined : new StopTexts(texts);
  const { vocabulary } = language.tokenizer;
  return {
    where,
    maxTokens,
    sampling,
    allowed: readAllowed(where, language, options.allowed),
    rules: (allowed) => ({ vocabulary, maxTokens, stopIds: ids, stopTexts, allowed }),
  };
}

/** The continuations that are allowed, encoded each by itself. Pauses from time to time. */
export function* encodeAllowed(
  where: string,
  { tokenizer }: LanguageNetwork,
  allowed: readonly Given[] | undefined,
): Generator<void, Continuations | undefined, void> {
  if (allowed === undefined) return undefined;
  const sequences: Int32Array[] = [];
  let units = 0;
  for (const [i, given] of allowed.entries()) {
    sequences.push(yield* tokenizer.encode(where, `allowed[${i}]`, given));
    units += given.length;
    if (units < UNITS_PER_PAUSE) continue;
    units = 0;
    yield;
  }
  return new Continuations(sequences);
}

/** What is to be continued: prompts that were checked, and a copy of the stream after which they come. */
interface Prompts {
  readonly given: readonly { readonly name: string; readonly prompt: Given }[];
  readonly samples: number;
  readonly from: LanguageStream | undefined;
}

/** Reads prompts, and copies the stream. The caller disposes of the copy. */
function readPrompts(
  where: string,
  model: LanguageModel,
  list: readonly (readonly [name: string, prompt: Sequence])[],
  { samples, from }: { samples: number; from: LanguageStream | undefined },
): Prompts {
  const language = languageOf(where, model);
  const fork = forkOf(where, model, from);
  try {
    const given = list.map(([name, prompt]) => {
      return { name, prompt: readPrompt(where, name, language, prompt, fork) };
    });
    return { given, samples, from: fork };
  } catch (error) {
    fork?.dispose();
    throw error;
  }
}

/** Reads a prompt into a state of its own. Pauses from time to time. */
function* readInto(
  language: LanguageNetwork,
  initial: Block,
  prompt: Int32Array,
): Generator<void, Block, void> {
  const state = language.newState(initial);
  try {
    for (let t = 0; t < prompt.length; t++) {
      language.advance(state.pointer, prompt[t] as number);
      if (t % TOKENS_PER_PAUSE === TOKENS_PER_PAUSE - 1) yield;
    }
    return state.retain();
  } finally {
    state.release();
  }
}

/** The samples of a run: told when they begin, and when they end. */
interface SampleWatch {
  begun?(sample: Sample): void;
  ended(sample: Sample): void;
}

/**
 * Runs samples to their ends, as many side by side as there is room for. A prompt of several samples is read once; prompts of
 * one sample are read in the batch. It yields after each step.
 */
function* runSamples(
  language: LanguageNetwork,
  { where, sampling, rules: rulesOf, allowed }: Call,
  { given, samples, from }: Prompts,
  watch: SampleWatch,
): Generator<void, void, void> {
  const held: Shared[] = [language.retain()];
  const hold = <S extends Shared>(each: S): S => {
    held.push(each);
    return each;
  };
  try {
    const initial = hold(initialState(where, language, from));
    const rules = rulesOf(yield* encodeAllowed(where, language, allowed));
    const capacity = Math.min(given.length * samples, MOST_ROWS);
    const batch = hold(new SampleBatch(where, language, capacity, { rules, sampling }));
    const ended = (sample: Sample): void => watch.ended(sample);
    for (const [p, { name, prompt: text }] of given.entries()) {
      const prompt = yield* language.tokenizer.encode(where, name, text);
      const state = samples === 1 ? initial.retain() : yield* readInto(language, initial, prompt);
      hold(state);
      for (let s = 0; s < samples; s++) {
        while (!batch.hasRoom) {
          batch.step(ended);
          yield;
        }
        const index = p * samples + s;
        const left = samples === 1 ? prompt : NOTHING;
        const sample = new Sample(rules, index, sampling.seed + index, left);
        batch.add({ sample, state, prompt });
        watch.begun?.(sample);
      }
      held.pop();
      state.release();
    }
    while (batch.size > 0) {
      batch.step(ended);
      yield;
    }
  } finally {
    for (const each of held.reverse()) each.release();
    from?.dispose();
  }
}

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
  const call = checkCall(where, language, options, 1);
  const { prompt = [], from, signal, yieldEvery } = options;
  const prompts = readPrompts(where, model, [["prompt", prompt]], { samples: 1, from });
  return generateEach(language, call, prompts, { signal, yieldEvery });
}

async function* generateEach(
  language: LanguageNetwork,
  call: Call,
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
  const call = checkCall(where, language, options, Math.max(count, 1));
  const named = list.map((prompt: Sequence, p) => [`prompts[${p}]`, prompt] as const);
  const prompts = readPrompts(where, model, named, { samples, from });
  const results: (Generated | undefined)[] = Array(count).fill(undefined);
  const work = runSamples(language, call, prompts, {
    ended: (sample) => {
      results[sample.index] = sample.result();
    },
  });
  const aborted = (reason: unknown) => new AbortedError(where, results, reason);
  await schedulerOf(language.network.engine).run(work, { signal, yieldEvery, aborted });
  return results as Generated[];
}
