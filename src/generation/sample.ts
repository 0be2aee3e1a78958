import type { Vocabulary } from "../model/vocabulary.js";
import type { Branch, Continuations } from "./continuations.js";
import { StopSearch, type StopTexts } from "./stop_texts.js";

/** Why a generation ended: a stop, the end of an allowed continuation, or `maxTokens`. */
export type EndReason = "stop" | "allowed" | "length";

/** One token of a generation. */
export interface GeneratedToken {
  readonly token: number;
  /**
   * Its text; of the last one before a stop perhaps only the first part. Empty if the model has no vocabulary, or none for
   * this id.
   */
  readonly text: string;
  /** The log-probability that the model itself gives it, in nats, however it was drawn. */
  readonly logProb: number;
}

/** What was generated after a prompt. */
export interface Generated {
  /** Without the stop. Empty if the model has no vocabulary. */
  readonly text: string;
  /** The ids of the tokens of which `text` is made. */
  readonly tokens: Int32Array;
  /** The log-probability that the model itself gives each, in nats, however it was drawn. */
  readonly tokenLogProbs: Float64Array;
  /** The sum of `tokenLogProbs`. */
  readonly logProb: number;
  readonly reason: EndReason;
  /** The stop that was found. */
  readonly stop?: string | number;
}

/** What all samples of a call have in common. */
export interface SampleRules {
  readonly vocabulary: Vocabulary | undefined;
  readonly maxTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly stopTexts: StopTexts | undefined;
  readonly allowed: Continuations | undefined;
}

/** One generation on its way: what it has drawn, and how much of that is certain to stay. */
export class Sample {
  readonly index: number;
  readonly seed: number;
  readonly prompt: Int32Array;
  /** How much of the prompt was read. */
  read = 0;
  /** Tokens drawn. */
  count = 0;
  /** Tokens that are certain not to be part of a stop. */
  certain = 0;
  reason: EndReason | undefined;
  stop: string | number | undefined;
  branch: Branch | undefined;
  readonly #rules: SampleRules;
  readonly #search: StopSearch | undefined;
  #tokens: Int32Array;
  #logProbs: Float64Array;
  /** The first unit of the token after the certain ones. */
  #certainUnits = 0;
  /** Of the last token's text what comes before a stop; undefined if it is whole. */
  #lastText: string | undefined;

  constructor(rules: SampleRules, index: number, seed: number, prompt: Int32Array) {
    this.#rules = rules;
    this.index = index;
    this.seed = seed;
    this.prompt = prompt;
    this.branch = rules.allowed?.root;
    this.#search = rules.stopTexts && new StopSearch(rules.stopTexts);
    const room = Math.min(rules.maxTokens, 64);
    this.#tokens = new Int32Array(room);
    this.#logProbs = new Float64Array(room);
  }

  /**
   * Takes a token that was drawn. Sets `reason` if the generation ends with it.
   *
   * @param logProbs has its log-probability at `row`: a number that is passed would be an object on the heap
   */
  take(token: number, logProbs: Float64Array, row: number): void {
    const { maxTokens, stopIds, allowed } = this.#rules;
    if (stopIds.has(token)) {
      this.#end("stop", token);
      return;
    }
    if (this.count === this.#tokens.length) this.#grow();
    this.#tokens[this.count] = token;
    this.#logProbs[this.count] = logProbs[row] as number;
    this.count++;
    if (this.#search === undefined) this.certain = this.count;
    else if (this.#search.read(this.#textOf(token))) {
      this.#endAt(this.#search);
      return;
    } else this.#settle(this.#search.length - this.#search.held);
    if (this.branch !== undefined && allowed?.goesOn(this.branch) === false) this.#end("allowed");
    else if (this.count === maxTokens) this.#end("length");
  }

  /** Token i, of the certain ones. */
  at(i: number): GeneratedToken {
    const [token, logProb] = [this.#tokens[i] as number, this.#logProbs[i] as number];
    return { token, text: this.#certainText(i), logProb };
  }

  /** All of it, at its end. */
  result(): Generated {
    let text = "";
    let logProb = 0;
    for (let i = 0; i < this.certain; i++) {
      text += this.#certainText(i);
      logProb += this.#logProbs[i] as number;
    }
    const { reason = "length", stop, certain } = this;
    const tokens = this.#tokens.slice(0, certain);
    const tokenLogProbs = this.#logProbs.slice(0, certain);
    const all = { text, tokens, tokenLogProbs, logProb, reason };
    return stop === undefined ? all : { ...all, stop };
  }

  #certainText(i: number): string {
    const cut = i === this.certain - 1 ? this.#lastText : undefined;
    return cut ?? this.#textOf(this.#tokens[i] as number);
  }

  #textOf(token: number): string {
    return this.#rules.vocabulary?.tokens[token] ?? "";
  }

  #end(reason: EndReason, stop?: number): void {
    this.reason = reason;
    this.stop = stop;
    this.certain = this.count;
  }

  /** Ends before the stop that a search has found. */
  #endAt({ found }: StopSearch): void {
    const { stop, at } = found as { stop: string; at: number };
    this.reason = "stop";
    this.stop = stop;
    this.#settle(at);
    const rest = at - this.#certainUnits;
    if (rest === 0) return;
    this.#lastText = this.#textOf(this.#tokens[this.certain] as number).slice(0, rest);
    this.certain++;
  }

  /** The tokens that end within the first `units` are certain. */
  #settle(units: number): void {
    while (this.certain < this.count) {
      const end = this.#certainUnits + this.#textOf(this.#tokens[this.certain] as number).length;
      if (end > units) return;
      this.#certainUnits = end;
      this.certain++;
    }
  }

  #grow(): void {
    const room = Math.min(2 * this.count, this.#rules.maxTokens);
    const [tokens, logProbs] = [this.#tokens, this.#logProbs];
    this.#tokens = new Int32Array(room);
    this.#tokens.set(tokens);
    this.#logProbs = new Float64Array(room);
    this.#logProbs.set(logProbs);
  }
}
