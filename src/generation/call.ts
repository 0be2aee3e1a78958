import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import type { LanguageStream } from "../model/stream.js";
import { checkRunOptions, type SliceOptions } from "../model/time_slices.js";
import { type Sequence, UNITS_PER_PAUSE } from "../model/vocabulary.js";
import type { Block } from "../wasm/arena.js";
import { Continuations } from "./continuations.js";
import { forkOf, type Given, languageOf, readPrompt } from "./model.js";
import { checkMaxTokens, checkStops, type EndOptions, readAllowed } from "./options.js";
import type { SampleRules } from "./sample.js";
import { StopTexts } from "./stop_texts.js";

/** Tokens of a prompt that are read without a pause. */
const TOKENS_PER_PAUSE = 32;

/** What a call was given, checked and copied. */
export interface Call {
  readonly where: string;
  readonly maxTokens: number;
  readonly rules: (allowed: Continuations | undefined) => SampleRules;
  readonly allowed: readonly Given[] | undefined;
}

export function checkCall(
  where: string,
  language: LanguageNetwork,
  options: EndOptions & SliceOptions,
): Call {
  checkRunOptions(where, options);
  const maxTokens = checkMaxTokens(where, options.maxTokens);
  const { ids, texts } = checkStops(where, language, options.stop);
  const stopTexts = texts.length === 0 ? undefined : new StopTexts(texts);
  const { vocabulary } = language.tokenizer;
  return {
    where,
    maxTokens,
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
export interface Prompts {
  readonly given: readonly { readonly name: string; readonly prompt: Given }[];
  readonly samples: number;
  readonly from: LanguageStream | undefined;
}

/** Reads prompts, and copies the stream. The caller disposes of the copy. */
export function readPrompts(
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
export function* readInto(
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
