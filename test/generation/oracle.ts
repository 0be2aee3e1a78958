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
