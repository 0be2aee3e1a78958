import type { Branch } from "./continuations.js";
import { type EndReason, type Generated, Sample, type SampleRules } from "./sample.js";
import { StopSearch } from "./stop_texts.js";

/** A continuation that a search has found. */
export interface Found extends Generated {
  /** The log-probability of the tokens, and of the stop that follows them, in nats. */
  readonly logProb: number;
}

/** The rules of a search. */
export interface SearchRules extends SampleRules {
  /** Whether a continuation of `maxTokens` tokens that no stop ends is a result. */
  readonly lengthEnds: boolean;
}

const NOTHING = new Int32Array(0);

/** The beginning of a continuation: one token after another one. It is not changed, so that several go on from it. */
export class Hypothesis {
  /** Tokens, stops included. */
  readonly count: number;
  /** The sum over them. */
  readonly logProb: number;
  /** Why it is a result; undefined if it is none. It may go on all the same, where another continuation begins with it. */
  readonly reason: EndReason | undefined;
  readonly goesOn: boolean;
  readonly branch: Branch | undefined;
  readonly #rules: SearchRules;
  readonly #parent: Hypothesis | undefined;
  /** The token that comes last; −1 before the first one. */
  readonly token: number;
  readonly #tokenLogProb: number;
  readonly #search: StopSearch | undefined;

  private constructor(
    rules: SearchRules,
    parent: Hypothesis | undefined,
    token: number,
    tokenLogProb: number,
  ) {
    this.#rules = rules;
    this.#parent = parent;
    this.token = token;
    this.#tokenLogProb = tokenLogProb;
    this.logProb = (parent?.logProb ?? 0) + tokenLogProb;
    const { maxTokens, stopIds, stopTexts, allowed, vocabulary } = rules;
    if (parent === undefined) {
      this.count = 0;
      this.goesOn = true;
      this.branch = allowed?.root;
      this.#search = stopTexts && new StopSearch(stopTexts);
      return;
    }
    this.count = parent.count + 1;
    this.branch = parent.branch && allowed?.after(parent.branch, token);
    this.#search = parent.#search?.fork();
    const isStop =
      stopIds.has(token) || this.#search?.read(vocabulary?.tokens[token] ?? "") === true;
    const isAllowed = this.branch !== undefined && allowed?.isEnd(this.branch) === true;
    const isLong = this.count === maxTokens;
    const isCut = isLong && rules.lengthEnds && this.branch === undefined;
    if (isStop) this.reason = "stop";
    else if (isAllowed) this.reason = "allowed";
    else this.reason = isCut ? "length" : undefined;
    const isLast = this.branch !== undefined && allowed?.goesOn(this.branch) === false;
    this.goesOn = !(isStop || isLong || isLast);
  }

  /** Before the first token. */
  static root(rules: SearchRules): Hypothesis {
    return new Hypothesis(rules, undefined, -1, 0);
  }

  /** The hypothesis that goes on with a token. @param logProb of the token given what is before it */
  child(token: number, logProb: number): Hypothesis {
    return new Hypothesis(this.#rules, this, token, logProb);
  }

  /** Calls `visit` with each of n tokens that may come next, in ascending order. */
  each(n: number, visit: (token: number) => void): void {
    const { allowed } = this.#rules;
    if (this.branch !== undefined) allowed?.each(this.branch, visit);
    else for (let token = 0; token < n; token++) visit(token);
  }

  /** The result of one that is a result. */
  found(): Found {
    const path: Hypothesis[] = [];
    for (let at: Hypothesis = this; at.#parent !== undefined; at = at.#parent) path.push(at);
    const sample = new Sample(this.#rules, 0, 0, NOTHING);
    for (const each of path.reverse()) {
      sample.branch = each.branch;
      sample.take(each.token, Float64Array.of(each.#tokenLogProb), 0);
    }
    const found = sample.result();
    return { ...found, logProb: this.logProb, reason: this.reason as EndReason };
  }
}
