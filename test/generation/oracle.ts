import type { ModelDescription } from "../../src/index.js";
import { type Network, runNetwork } from "../oracle/model.js";
import { pick, type SamplingRule, samplingWeights, uniformAt } from "../oracle/sampling.js";
import { logSoftmax } from "../oracle/softmax.js";

/** The log-probabilities of the token after some others, by the oracle. */
export function nextLogProbs(description: ModelDescription, tokens: readonly number[]): number[] {
  const { steps } = runNetwork(description as Network, tokens, { logits: true });
  return logSoftmax(steps.at(-1) as number[]);
}

/** Tokens drawn after a prompt, each from the whole text before it: plain loops, which read everything again at each step. */
export function continued(
  description: ModelDescription,
  prompt: readonly number[],
  { maxTokens, seed, ...rule }: SamplingRule & { maxTokens: number; seed: number },
): { tokens: number[]; logProbs: number[] } {
  const [tokens, logProbs]: [number[], number[]] = [[], []];
  for (let i = 0; i < maxTokens; i++) {
    const before = [...prompt, ...tokens];
    const next = nextLogProbs(description, before);
    const weights = samplingWeights(next, rule, new Set(before));
    const token = pick(weights, uniformAt(BigInt(seed), BigInt(i)));
    tokens.push(token);
    logProbs.push(next[token] as number);
  }
  return { tokens, logProbs };
}

/** A continuation, the log-probability of all its tokens, stops included, and its text up to the stop. */
export interface Continuation {
  readonly path: readonly number[];
  readonly logProb: number;
  readonly text: string;
  readonly reason: "stop" | "allowed" | "length";
}

export interface Ends {
  readonly vocabulary: readonly string[];
  readonly maxTokens: number;
  readonly stopIds?: readonly number[];
  readonly stopTexts?: readonly string[];
  /** Paths. */
  readonly allowed?: readonly (readonly number[])[];
  /** Whether a continuation that nothing ends is a result. */
  readonly lengthEnds: boolean;
}

const begins = (path: readonly number[], whole: readonly number[]): boolean =>
  path.every((token, t) => token === whole[t]);

/** Every continuation of a prefix, the likeliest first. */
export function everyContinuation(
  description: ModelDescription,
  prefix: readonly number[],
  ends: Ends,
): Continuation[] {
  const { vocabulary, maxTokens, stopIds = [], stopTexts = [], allowed, lengthEnds } = ends;
  const results: Continuation[] = [];
  const walk = (path: readonly number[], logProb: number): void => {
    const next = nextLogProbs(description, [...prefix, ...path]);
    next.forEach((own, token) => {
      const longer = [...path, token];
      if (allowed !== undefined && !allowed.some((each) => begins(longer, each))) return;
      const sum = logProb + own;
      const text = longer.map((id) => vocabulary[id]).join("");
      const add = (reason: Continuation["reason"], shown: string) =>
        results.push({ path: longer, logProb: sum, text: shown, reason });
      const places = stopTexts.filter((stop) => text.includes(stop));
      if (stopIds.includes(token)) {
        add("stop", path.map((id) => vocabulary[id]).join(""));
      } else if (places.length > 0) {
        const ranked = places
          .map((stop) => ({ at: text.indexOf(stop), end: text.indexOf(stop) + stop.length }))
          .sort((a, b) => a.end - b.end || a.at - b.at);
        add("stop", text.slice(0, ranked[0]?.at));
      } else {
        const isWhole = allowed?.some(
          (each) => each.length === longer.length && begins(longer, each),
        );
        if (isWhole) add("allowed", text);
        else if (allowed === undefined && longer.length === maxTokens && lengthEnds) {
          add("length", text);
        }
        if (longer.length < maxTokens) walk(longer, sum);
      }
    });
  };
  walk([], 0);
  return results.sort((a, b) => b.logProb - a.logProb);
}
