import type { Score, Vocabulary } from "../index.js";
import { printable } from "./faults.js";
import type { Item } from "./input.js";

/** An item with its tokens and what they score. */
export interface Scored extends Item {
  readonly ids: Int32Array;
  readonly score: Score;
}

const COLUMNS = [
  ["log-prob", 14],
  ["perplexity", 12],
  ["bits/token", 11],
  ["tokens", 9],
] as const;
const TEXT = 60;

/** A number of four decimals; of four significant digits where it is large; a dash where there was nothing to score. */
function number(value: number): string {
  if (Number.isNaN(value)) return "–";
  return Math.abs(value) < 1e6 ? value.toFixed(4) : value.toExponential(3);
}

const line = (cells: readonly string[], text: string): string =>
  `${cells.map((cell, i) => cell.padStart(COLUMNS[i]?.[1] ?? 0)).join("")}  ${text}\n`;

export const header = (): string =>
  line(
    COLUMNS.map(([name]) => name),
    "text",
  );

const cells = ({ logProb, perplexity, bitsPerToken, tokens }: Omit<Score, "tokenLogProbs">) => [
  number(logProb),
  number(perplexity),
  number(bitsPerToken),
  String(tokens),
];

/** A line of the table. */
export function row({ sequence, score }: Scored): string {
  const text = typeof sequence === "string" ? sequence : `[${sequence.slice(0, TEXT).join(", ")}]`;
  return line(cells(score), printable(text.slice(0, 4 * TEXT), TEXT));
}

/** A line for each token that was scored. */
export function tokenRows({ ids, score }: Scored, vocabulary: Vocabulary | undefined): string {
  const { tokenLogProbs } = score;
  // The first token conditions, unless the model has one that stands before it.
  const first = ids.length - tokenLogProbs.length;
  let rows = "";
  tokenLogProbs.forEach((logProb, t) => {
    const id = ids[first + t] as number;
    const token = vocabulary?.tokens[id];
    rows += line([number(logProb)], token === undefined ? String(id) : JSON.stringify(token));
  });
  return rows;
}

/** A line of JSON; what is no number is null. */
export function jsonRow({ line: place, score }: Scored, perToken = false): string {
  const { logProb, perplexity, bitsPerToken, tokens, tokenLogProbs } = score;
  const each = perToken ? { tokenLogProbs: [...tokenLogProbs] } : {};
  return `${JSON.stringify({ line: place, logProb, perplexity, bitsPerToken, tokens, ...each })}\n`;
}

/** The sum of many scores. */
export class Sum {
  lines = 0;
  #logProb = 0;
  #tokens = 0;

  add({ logProb, tokens }: Score): void {
    this.lines++;
    this.#logProb += logProb;
    this.#tokens += tokens;
  }

  row(): string {
    const perToken = -this.#logProb / this.#tokens;
    const all = {
      logProb: this.#logProb,
      perplexity: Math.exp(perToken),
      bitsPerToken: perToken / Math.LN2,
      tokens: this.#tokens,
    };
    return line(cells(all), `in all: ${this.lines} ${this.lines === 1 ? "line" : "lines"}`);
  }
}
