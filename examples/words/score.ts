import { type Engine, type LstmParameters, lstmForward } from "recurra";
import { batchesByLength, batchOf } from "./data.js";
import { startState } from "./model.js";
import { type Random, shuffled } from "./random.js";

/** Words scored at a time. */
const BATCH = 128;

/** What a word is asked for: its letters and its end. */
export function characters(word: string): number {
  return word.length + 1;
}

/**
 * The log-likelihood of each word in nats: the sum of log p over its letters and its end.
 *
 * It takes the logarithm of the softmax outputs. A log-softmax would be exact where they underflow, below e^-708; the
 * logits here are some tens apart at most.
 */
export function logLikelihoods(
  engine: Engine,
  parameters: LstmParameters,
  words: Iterable<string>,
): Map<string, number> {
  const scores = new Map<string, number>();
  for (const group of batchesByLength([...new Set(words)], BATCH)) {
    const batch = batchOf(group);
    const { y, caches } = lstmForward(engine, batch.x, startState(parameters, batch), parameters);
    caches.dispose();
    const [, m = 0, T = 0] = y.shape;
    group.forEach((word, b) => {
      let sum = 0;
      for (let t = 0; t < characters(word); t++) {
        const target = batch.targets[b * T + t] as number;
        sum += Math.log(y.data[(target * m + b) * T + t] as number);
      }
      scores.set(word, sum);
    });
  }
  return scores;
}

/** A word and another order of its letters. */
export interface Pair {
  readonly word: string;
  readonly shuffle: string;
}

/** A pair for each word; words with one letter only, such as "aa", have no other order and are left out. */
export function pairsOf(words: readonly string[], random: Random): Pair[] {
  return words
    .filter((word) => new Set(word).size > 1)
    .map((word) => {
      let shuffle = word;
      while (shuffle === word) shuffle = shuffled(word, random).join("");
      return { word, shuffle };
    });
}
