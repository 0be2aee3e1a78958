import type { Score } from "recurra";
import { sequenceProblem } from "./errors.js";

/** A number with all its digits; what JSON has no word for is null. */
const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : "null");

/** A score or the error of a sequence, as JSON. @param isLong whether the log-probability of each token is wanted */
export function scoreText(result: Score | Error, isLong: boolean): string {
  return `{${scoreMembers(result, isLong)}}`;
}

/** The members of the object, without its braces. */
export function scoreMembers(result: Score | Error, isLong: boolean): string {
  if (result instanceof Error) return `"error":${JSON.stringify(sequenceError(result))}`;
  const { logProb, tokens, perplexity, bitsPerToken, tokenLogProbs } = result;
  const each = isLong
    ? `,"tokenLogProbs":[${Array.from(tokenLogProbs, numberText).join(",")}]`
    : "";
  return `"logProb":${numberText(logProb)},"tokens":${tokens},"perplexity":${numberText(perplexity)},"bitsPerToken":${numberText(bitsPerToken)}${each}`;
}

/** Why a sequence has no result. */
export function sequenceError(error: Error): object {
  const { code, message, extras } = sequenceProblem(error);
  return { code, message, ...extras };
}
