import { AbortedError } from "../errors.js";
import type { LanguageModel } from "../model/language_model.js";
import type { LanguageNetwork } from "../model/language_network.js";
import { schedulerOf } from "../model/scheduler.js";
import type { LanguageStream } from "../model/stream.js";
import type { SliceOptions } from "../model/time_slices.js";
import type { Sequence } from "../model/vocabulary.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { Block, Shared } from "../wasm/arena.js";
import {
  type Call,
  checkCall,
  encodeAllowed,
  type Prompts,
  readInto,
  readPrompts,
} from "./call.js";
import { type Found, Hypothesis, type SearchRules } from "./hypothesis.js";
import { initialState, languageOf } from "./model.js";
import { checkCount, type EndOptions } from "./options.js";

/** Options of `complete`. */
export interface CompleteOptions extends EndOptions, SliceOptions {
  /** Completions. Default 5. */
  readonly n?: number | undefined;
  /** The most steps of the model. Default 4096. */
  readonly budget?: number | undefined;
  /** A stream that has read what comes before the prefix. It is not changed. */
  readonly from?: LanguageStream | undefined;
}

/** What `complete` has found. */
export interface Completions {
  /** The likeliest first. */
  readonly completions: readonly Found[];
  /** Whether these are the likeliest ones, or all there are. If not, the budget was too small for more. */
  readonly isExact: boolean;
  /** Steps of the model that it took. */
  readonly steps: number;
}

const NAMES: OptionNames<CompleteOptions> = {
  n: true,
  budget: true,
  maxTokens: true,
  stop: true,
  allowed: true,
  from: true,
  signal: true,
  yieldEvery: true,
};

const DEFAULT_COMPLETIONS = 5;
const DEFAULT_BUDGET = 4096;

/** A beginning that waits for its turn. Its token was not read yet. */
interface Waiting {
  readonly hypothesis: Hypothesis;
  readonly token: number;
  readonly tokenLogProb: number;
  readonly logProb: number;
  /** The place among all that ever waited: of equal ones the first is first. */
  readonly order: number;
  /** The state before the token. The entry is one of its owners. */
  readonly state: Block;
}

const isBefore = (a: Waiting, b: Waiting): boolean =>
  a.logProb > b.logProb || (a.logProb === b.logProb && a.order < b.order);

/** The beginnings that wait, the likeliest first: a binary heap. */
class Frontier {
  #heap: Waiting[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(entry: Waiting): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, heap[above] as Waiting)) break;
      heap[at] = heap[above] as Waiting;
      at = above;
    }
    heap[at] = entry;
  }

  pop(): Waiting | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Waiting, heap[child] as Waiting)) {
        child = right;
      }
      if (!isBefore(heap[child] as Waiting, last)) break;
      heap[at] = heap[child] as Waiting;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  /** Keeps the first `most`. */
  keep(most: number): void {
    // A sorted list is a heap.
    this.#heap.sort((a, b) => (isBefore(a, b) ? -1 : 1));
    for (const { state } of this.#heap.splice(most)) state.release();
  }

  release(): void {
    this.keep(0);
  }
}

/** The search itself. Yields after each step of the model. */
function* search(
  language: LanguageNetwork,
  { where, maxTokens, rules: rulesOf, allowed }: Call,
  { given, from }: Prompts,
  { n, budget }: { readonly n: number; readonly budget: number },
): Generator<void, Completions, void> {
  const held: Shared[] = [language.retain()];
  const frontier = new Frontier();
  const completions: Found[] = [];
  const { tokenCount } = language.network;
  let steps = 0;
  let order = 0;
  /** Puts what may follow a hypothesis into the frontier. */
  const open = (hypothesis: Hypothesis, state: Block): void => {
    const logProbs = language.logProbs(state.pointer);
    const isLast = hypothesis.count + 1 === maxTokens;
    hypothesis.each(tokenCount, (token) => {
      const tokenLogProb = logProbs[token] as number;
      const logProb = hypothesis.logProb + tokenLogProb;
      if (!(logProb > Number.NEGATIVE_INFINITY)) return;
      // What is neither a result nor goes on would take a turn without a step.
      if (isLast && hypothesis.child(token, tokenLogProb).reason === undefined) return;
      state.retain();
      frontier.push({ hypothesis, token, tokenLogProb, logProb, order: order++, state });
    });
    // Each step takes one out, and each result another one: what is behind those never has its turn.
    const most = budget - steps + (n - completions.length);
    if (frontier.size > 2 * most + tokenCount) frontier.keep(most);
  };
  try {
    const initial = initialState(where, language, from);
    held.push(initial);
    const common = rulesOf(yield* encodeAllowed(where, language, allowed));
    const { stopIds, stopTexts } = common;
    const hasStops = stopIds.size > 0 || stopTexts !== undefined;
    const rules: SearchRules = { ...common, lengthEnds: !hasStops };
    const [{ name, prompt }] = given as readonly [Prompts["given"][number]];
    const tokens = yield* language.tokenizer.encode(where, name, prompt);
    const state = yield* readInto(language, initial, tokens);
    held.push(state);
    open(Hypothesis.root(rules), state);
    while (completions.length < n) {
      const next = frontier.pop();
      if (next === undefined) return { completions, isExact: true, steps };
      held.push(next.state);
      const child = next.hypothesis.child(next.token, next.tokenLogProb);
      if (child.reason !== undefined) completions.push(child.found());
      if (child.goesOn && completions.length < n) {
        if (steps === budget) return { completions, isExact: false, steps };
        steps++;
        const after = language.newState(next.state);
        held.push(after);
        language.advance(after.pointer, next.token);
        open(child, after);
        held.pop()?.release();
        yield;
      }
      held.pop()?.release();
    }
    return { completions, isExact: true, steps };
  } finally {
    frontier.release();
    for (const each of held.reverse()) each.release();
  }
}

/**
 * The likeliest completions of a prefix up to a stop, or of those that are allowed; without either those of `maxTokens`
 * tokens. A best-first search on copies of the state: log-probabilities only fall, so the first completions that it takes
 * out are the likeliest of all.
 *
 * @param prefix a text or ids; it may be empty for a model with a start token, or after `from`
 * @returns up to `n` of them; `isExact` is false if the budget ended the search, with fewer
 * @throws {TypeError | RangeError} for an option of the wrong kind or size, or a prefix that the model does not know
 * @throws {StateError} if the model is disposed, or `from` is a stream of another one
 * @throws {AbortedError} if `signal` aborts
 */
export async function complete(
  model: LanguageModel,
  prefix: Sequence,
  options: CompleteOptions,
): Promise<Completions> {
  const where = "complete";
  const language = languageOf(where, model);
  checkOptions(where, options, NAMES);
  const call = checkCall(where, language, options);
  const n = checkCount(where, "n", options.n ?? DEFAULT_COMPLETIONS);
  const budget = checkCount(where, "budget", options.budget ?? DEFAULT_BUDGET);
  const { from, signal, yieldEvery, stop, allowed, maxTokens } = options;
  if (stop === undefined && allowed === undefined && maxTokens === undefined) {
    throw new TypeError(
      `${where}: options: expected stop, allowed or maxTokens: without one of them a completion has no end`,
    );
  }
  const prompts = readPrompts(where, model, [["prefix", prefix]], { samples: 1, from });
  const aborted = (reason: unknown) => new AbortedError(where, [], reason, { done: 0, total: n });
  const work = search(language, call, prompts, { n, budget });
  try {
    return await schedulerOf(language.network.engine).run(work, { signal, yieldEvery, aborted });
  } finally {
    prompts.from?.dispose();
  }
}
