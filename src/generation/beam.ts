import { AbortedError } from "../errors.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import { schedulerOf } from "../model/scheduler.js";
import type { LanguageStream } from "../model/stream.js";
import type { SliceOptions } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import { ITEM } from "../wasm/abi.js";
import type { Shared } from "../wasm/arena.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { samplingKernels } from "../wasm/sampling_kernels.js";
import { Best } from "./best.js";
import {
  type Call,
  checkCall,
  encodeAllowed,
  type Prompts,
  readInto,
  readPrompts,
} from "./call.js";
import { type Found, Hypothesis } from "./hypothesis.js";
import { initialState, languageOf } from "./model.js";
import { checkCount, checkNumber, type EndOptions } from "./options.js";
import { StateRows } from "./state_rows.js";

/** Options of `beamSearch`. */
export interface BeamSearchOptions extends EndOptions, SliceOptions {
  /** A text or ids to continue. Default: none, for a model with a start token, or after `from`. */
  readonly prompt?: Sequence | undefined;
  /** Beginnings that are kept at each step. Default 4. */
  readonly beams?: number | undefined;
  /** Results, at most `beams`. Default 1. */
  readonly n?: number | undefined;
  /**
   * Results are ranked by logProb / tokens^lengthPenalty, so that above 0 longer ones gain. Default 0: by their
   * log-probabilities.
   */
  readonly lengthPenalty?: number | undefined;
  /** A stream that has read what comes before the prompt. It is not changed. */
  readonly from?: LanguageStream | undefined;
}

/** A result of `beamSearch`. */
export interface Beam extends Found {
  /** What it is ranked by: `logProb`, unless there is a length penalty. */
  readonly score: number;
}

const NAMES: OptionNames<BeamSearchOptions> = {
  prompt: true,
  beams: true,
  n: true,
  lengthPenalty: true,
  maxTokens: true,
  stop: true,
  allowed: true,
  from: true,
  signal: true,
  yieldEvery: true,
};

const MOST_BEAMS = 1024;

interface Width {
  readonly beams: number;
  readonly n: number;
  readonly lengthPenalty: number;
}

function checkWidth(where: string, options: BeamSearchOptions): Width {
  const { beams = 4, n = 1, lengthPenalty = 0 } = options;
  return {
    beams: checkNumber(where, "beams", beams, {
      expected: `an integer in 1 … ${MOST_BEAMS}`,
      holds: (value) => Number.isInteger(value) && value >= 1 && value <= MOST_BEAMS,
    }),
    n: checkNumber(where, "n", checkCount(where, "n", n), {
      expected: `at most ${beams}, the number of beams`,
      holds: (value) => value <= beams,
    }),
    lengthPenalty: checkNumber(where, "lengthPenalty", lengthPenalty, {
      expected: "a finite number ≥ 0",
      holds: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
    }),
  };
}

/** count^penalty by our kernels: a host's own power may differ in the last bit. */
function lengthFactor(engine: EngineCore, count: number, penalty: number): number {
  if (penalty === 0) return 1;
  const { exp_map, log_map } = samplingKernels(engine);
  return withScratch(engine.arena, ITEM, ({ pointer }) => {
    engine.arena.f64(pointer, 1)[0] = count;
    log_map(1, pointer, pointer);
    const number = engine.arena.f64(pointer, 1);
    number[0] = (number[0] as number) * penalty;
    exp_map(1, pointer, pointer);
    return engine.arena.f64(pointer, 1)[0] as number;
  });
}

/** The beams of one step: what they are, and the row of the state that each has read up to. */
interface Candidate {
  readonly hypothesis: Hypothesis;
  readonly row: number;
}

/** Searches, one pass a step for all beams. Yields after each step. */
function* search(
  language: LanguageNetwork,
  { where, maxTokens, rules: rulesOf, allowed }: Call,
  { given, from }: Prompts,
  { beams, n, lengthPenalty }: Width,
): Generator<void, Beam[], void> {
  const held: Shared[] = [language.retain()];
  const hold = <S extends Shared>(each: S): S => {
    held.push(each);
    return each;
  };
  const { engine, tokenCount } = language.network;
  const { log_softmax_rows } = samplingKernels(engine);
  try {
    const initial = hold(initialState(where, language, from));
    const rules = { ...rulesOf(yield* encodeAllowed(where, language, allowed)), lengthEnds: true };
    const [{ name, prompt }] = given as readonly [Prompts["given"][number]];
    const tokens = yield* language.tokenizer.encode(where, name, prompt);
    const state = hold(yield* readInto(language, initial, tokens));
    let rows = hold(new StateRows(language, beams));
    let next = hold(new StateRows(language, beams));
    const logProbs = hold(engine.arena.allocate(beams * tokenCount * ITEM));
    const found = new Best<Hypothesis>(n);
    const longest = lengthFactor(engine, maxTokens, lengthPenalty);
    rows.load(0, state.pointer);
    let live: readonly Candidate[] = [{ hypothesis: Hypothesis.root(rules), row: 0 }];
    for (let count = 1; live.length > 0; count++) {
      const factor = lengthFactor(engine, count, lengthPenalty);
      log_softmax_rows(live.length, tokenCount, rows.logits(live.length), logProbs.pointer);
      const given = engine.arena.f64(logProbs.pointer, live.length * tokenCount);
      const kept = new Best<Candidate>(beams);
      live.forEach(({ hypothesis }, row) => {
        hypothesis.each(tokenCount, (token) => {
          const logProb = given[row * tokenCount + token] as number;
          const total = hypothesis.logProb + logProb;
          if (!(kept.wants(total) || found.wants(total / factor))) return;
          const child = hypothesis.child(token, logProb);
          if (child.reason !== undefined) found.offer(total / factor, child);
          if (child.goesOn) kept.offer(total, { hypothesis: child, row });
        });
      });
      // Log-probabilities only fall: a beam that cannot reach the results any more is left.
      live = kept.items.filter(({ score }) => found.wants(score / longest)).map(({ item }) => item);
      live.forEach(({ row }, place) => {
        next.take(rows, row, place);
      });
      [rows, next] = [next, rows];
      const read = engine.arena.i32(rows.tokens, beams);
      live.forEach(({ hypothesis }, place) => {
        read[place] = hypothesis.token;
      });
      if (live.length > 0) rows.advance(live.length);
      yield;
    }
    return found.items.map(({ item, score }) => ({ ...item.found(), score }));
  } finally {
    for (const each of held.reverse()) each.release();
  }
}

/**
 * The likeliest continuations that a beam search finds: at each step the `beams` likeliest beginnings go on, in one pass. With
 * as many beams as there are beginnings it finds the likeliest of all; `complete` always does.
 *
 * @returns up to `n` of them, the best first; of equal ones the one whose token with the lower id came first
 * @throws {TypeError | RangeError} for an option of the wrong kind or size, or a prompt that the model does not know
 * @throws {StateError} if the model is disposed, or `from` is a stream of another one
 * @throws {AbortedError} if `signal` aborts
 */
export async function beamSearch(
  model: LanguageModel,
  options: BeamSearchOptions = {},
): Promise<Beam[]> {
  const where = "beamSearch";
  const language = languageOf(where, model);
  checkOptions(where, options, NAMES);
  const call = checkCall(where, language, options);
  const width = checkWidth(where, options);
  const { prompt = [], from, signal, yieldEvery } = options;
  const prompts = readPrompts(where, model, [["prompt", prompt]], { samples: 1, from });
  const aborted = (reason: unknown) => new AbortedError(where, [], reason, { done: 0, total: 1 });
  const work = search(language, call, prompts, width);
  try {
    return await schedulerOf(language.network.engine).run(work, { signal, yieldEvery, aborted });
  } finally {
    prompts.from?.dispose();
  }
}
