import type { Score } from "recurra";
import { Problem } from "../../problem.js";
import { sequenceProblem } from "../errors.js";
import type { Adapter } from "./adapter.js";
import type { OutputTensor } from "./response.js";
import { only, tokenSequences } from "./sequences.js";

const NAMES = ["text", "tokens"];

/** Throws the problem of the first sequence without a result: a tensor has no place for an error. */
export function resultsOf<R>(results: readonly (R | Error)[]): R[] {
  return results.map((result, i) => {
    if (!(result instanceof Error)) return result;
    const { code, message, extras } = sequenceProblem(result);
    throw new Problem(code, message, { extras: { ...extras, index: i } });
  });
}

function outputsOf(scores: readonly Pick<Score, "logProb" | "tokenLogProbs">[]): OutputTensor[] {
  const all = scores.flatMap(({ tokenLogProbs }) => Array.from(tokenLogProbs));
  const n = scores.length;
  const counts = scores.map(({ tokenLogProbs }) => tokenLogProbs.length);
  return [
    { name: "log_prob", datatype: "FP64", shape: [n], data: scores.map(({ logProb }) => logProb) },
    { name: "token_log_probs", datatype: "FP64", shape: [all.length], data: all },
    { name: "token_counts", datatype: "INT64", shape: [n], data: counts },
  ];
}

/** Texts or ids in, log-probabilities out. */
export const LANGUAGE: Adapter = {
  usual: () => ["log_prob"],
  infer: async ({ batcher }, request, signal) =>
    outputsOf(resultsOf(await batcher.score(tokenSequences(request, NAMES), signal))),
  steps: ({ backend }, request) => {
    const sequence = only(tokenSequences(request, NAMES));
    return backend.readSteps(
      typeof sequence === "string" ? { text: sequence } : { tokens: sequence },
    );
  },
  outputsOf: (_, { results }) => {
    const logProbs = Float64Array.from(results as readonly number[]);
    const logProb = logProbs.reduce((sum, each) => sum + each, 0);
    return outputsOf([{ logProb, tokenLogProbs: logProbs }]);
  },
};
