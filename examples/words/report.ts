import Table from "cli-table3";
import type { LstmParameters } from "recurra";
import { characters, type Pair } from "./score.js";

/** The share of pairs to be ranked right. */
const GOAL = 0.9;

/** Words shown at either end. */
const EXAMPLES = 5;

export interface Start {
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
  readonly symbols: number;
  readonly parameters: LstmParameters;
  readonly seed: number;
}

export interface Findings {
  /** In nats per character: of the first batch, and the mean of the last ones. */
  readonly losses: { readonly first: number; readonly mean: number };
  readonly pairs: readonly Pair[];
  /** The log-likelihood of every word and every shuffle, in nats. */
  readonly scores: ReadonlyMap<string, number>;
  readonly seconds: { readonly training: number; readonly scoring: number };
  /** All English words, to know a shuffle that is one. */
  readonly dictionary: ReadonlySet<string>;
}

/** What is about to happen. */
export function opening({ seen, unseen, symbols, parameters, seed }: Start): string {
  const tensors = Object.values(parameters) as LstmParameters["Wf"][];
  const numbers = tensors.reduce((total, { data }) => total + data.length, 0);
  const hidden = parameters.Wf.shape[0];
  return `
Recurra learns how English words are spelled, letter by letter.

  Words    ${decimals(seen.length)} to learn from, ${decimals(unseen.length)} kept back that it never sees
  Network  LSTM, ${symbols} symbols → ${hidden} hidden units → ${symbols} symbols, ${decimals(numbers)} parameters
  Method   Adam, one pass over the words, seed ${seed}
`;
}

/** What came of it. */
export function findings({ losses, pairs, scores, seconds, dictionary }: Findings): string {
  const score = (text: string): number => scores.get(text) as number;
  const wrong = pairs.filter(({ word, shuffle }) => score(word) <= score(shuffle));
  const share = 1 - wrong.length / pairs.length;
  const real = wrong.filter(({ shuffle }) => dictionary.has(shuffle)).length;
  return `
Learned in ${decimals(seconds.training)} s: from ${decimals(losses.first, 2)} to ${decimals(losses.mean, 2)} nats per character.

Words it has never seen, and the same letters shuffled:
${numbers(pairs, score, share, scores.size / seconds.scoring)}
A character is a letter or the end of a word. Right: the word is likelier.
${verdict(wrong, real, share)}

The likeliest and the unlikeliest of the unseen words, in nats per character:
${extremes(pairs, score)}

Next: how it learns is in examples/words/model.ts, 20 lines: lossAndGradients.
Other sizes and seeds: npm start -- --help
`;
}

function numbers(
  pairs: readonly Pair[],
  score: (text: string) => number,
  share: number,
  speed: number,
): string {
  const nats = (["word", "shuffle"] as const).map((side) =>
    meanNats(
      pairs.map((pair) => pair[side]),
      score,
    ),
  );
  const both = (content: string) => ({ content, colSpan: 2, hAlign: "right" as const });
  return table(
    ["", "words", "shuffled"],
    ["left", "right", "right"],
    [
      ["nats per character", ...nats.map((each) => decimals(each, 3))],
      ["perplexity", ...nats.map((each) => decimals(Math.exp(each), 1))],
      ["pairs ranked right", both(`${decimals(100 * share, 1)} % of ${decimals(pairs.length)}`)],
      ["words scored per second", both(decimals(speed))],
    ],
  );
}

/** Which pairs went wrong, and why so many if they are too many. */
function verdict(wrong: readonly Pair[], real: number, share: number): string {
  if (share < GOAL) {
    return `Fewer than ${100 * GOAL} % are right: it has seen too few words. More: see --words.`;
  }
  if (wrong.length === 0) return "No pair was ranked wrong.";
  const [{ word, shuffle }] = wrong as [Pair];
  return `Ranked wrong: ${wrong.length}, such as ${word} below ${shuffle}.\nOf these ${wrong.length} shuffles, ${real} are in the list of words too.`;
}

function extremes(pairs: readonly Pair[], score: (text: string) => number): string {
  const nats = (word: string): number => meanNats([word], score);
  const words = pairs.map(({ word }) => word).sort((one, other) => nats(one) - nats(other));
  const cells = (word: string): string[] => [word, decimals(nats(word), 2)];
  const rows = Array.from({ length: Math.min(EXAMPLES, words.length) }, (_, i) => [
    ...cells(words[i] as string),
    ...cells(words.at(-1 - i) as string),
  ]);
  return table(
    ["likeliest", "nats", "unlikeliest", "nats"],
    ["left", "right", "left", "right"],
    rows,
  );
}

/** Mean over the characters of all texts. */
function meanNats(texts: readonly string[], score: (text: string) => number): number {
  const nats = texts.reduce((sum, text) => sum - score(text), 0);
  return nats / texts.reduce((sum, text) => sum + characters(text), 0);
}

/** A table without colours. */
function table(
  head: string[],
  colAligns: Table.HorizontalAlignment[],
  rows: Table.HorizontalTableRow[],
): string {
  const result = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  result.push(...rows);
  return result.toString();
}

function decimals(value: number, digits = 0): string {
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
