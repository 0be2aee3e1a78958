import type { Score } from "../model/score_work.js";
import type { CallKind } from "./call_setup.js";
import type { PostedSequence, ScoresReply } from "./protocol.js";
import { toWire, type WireError } from "./wire_error.js";

// The scores of a message travel as one array of numbers. For each sequence: logProb, perplexity, bitsPerToken,
// tokenLogProbs; nothing for one that has an error.

/** Numbers before tokenLogProbs. */
const HEAD = 3;
/** The length of a sequence that has an error. */
const FAILED = -1;

/** Results as they are posted. */
export function packScores(id: number, results: readonly (Score | Error)[]): ScoresReply {
  const lengths = Int32Array.from(results, (each) =>
    each instanceof Error ? FAILED : each.tokenLogProbs.length,
  );
  const size = lengths.reduce((sum, length) => sum + (length === FAILED ? 0 : HEAD + length), 0);
  const numbers = new Float64Array(size);
  const errors: WireError[] = [];
  let at = 0;
  for (const each of results) {
    if (each instanceof Error) {
      errors.push(toWire(each));
      continue;
    }
    const { logProb, perplexity, bitsPerToken, tokenLogProbs } = each;
    numbers.set([logProb, perplexity, bitsPerToken], at);
    numbers.set(tokenLogProbs, at + HEAD);
    at += HEAD + tokenLogProbs.length;
  }
  return { kind: "scores", id, numbers, lengths, errors };
}

/** The results of a reply, in order. */
export function* unpackScores({
  numbers,
  lengths,
  errors,
}: ScoresReply): Generator<Score | WireError> {
  let at = 0;
  let failed = 0;
  for (const length of lengths) {
    if (length === FAILED) {
      yield errors[failed++] as WireError;
      continue;
    }
    const [logProb = 0, perplexity = 0, bitsPerToken = 0] = numbers.subarray(at, at + HEAD);
    // A copy: a caller who keeps one score does not keep those of the whole message.
    const tokenLogProbs = numbers.slice(at + HEAD, at + HEAD + length);
    at += HEAD + length;
    yield { logProb, tokenLogProbs, tokens: length, perplexity, bitsPerToken };
  }
}

/** Scores of a language model. */
export const SCORES: CallKind<Score> = {
  method: "score",
  batch: "sequences",
  message: (id, given, from) => {
    return { kind: "score", id, sequences: given as readonly PostedSequence[], from };
  },
  unpack: (reply) => (reply.kind === "scores" ? unpackScores(reply) : undefined),
};
