import type { LanguageNetwork } from "../model/language_network.js";
import type { Shared } from "../wasm/arena.js";
import { type Call, encodeAllowed, type Prompts, readInto } from "./call.js";
import { initialState } from "./model.js";
import type { Sampling } from "./options.js";
import { Sample } from "./sample.js";
import { SampleBatch } from "./sample_batch.js";

/** Samples that run side by side at most; more of them would gain nothing. */
const MOST_ROWS = 64;
const NOTHING = new Int32Array(0);

/** The samples of a run: told when they begin, and when they end. */
export interface SampleWatch {
  begun?(sample: Sample): void;
  ended(sample: Sample): void;
}

/**
 * Runs samples to their ends, as many side by side as there is room for. A prompt of several samples is read once; prompts of
 * one sample are read in the batch. It yields after each step.
 */
export function* runSamples(
  language: LanguageNetwork,
  { where, rules: rulesOf, allowed, sampling }: Call & { readonly sampling: Sampling },
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
  }
}
