import type { Score, Vocabulary } from "../index.js";
import { printable } from "./faults.js";
import type { Sequence } from "./input.js";

/** A sequence with its tokens and its score. */
export interface Scored {
  readonly line: number;
  /** Fields of the input that are passed through, as JSON. */
  readonly fields: string;
  readonly sequence: Sequence;
  readonly ids: Int32Array;
  readonly score: Score;
}

/** What `score` prints for one sequence. */
export interface Rows {
  scored(scored: Scored): string;
  /** `message` names the line. */
  failed(place: Pick<Scored, "line" | "fields">, message: string): string;
}

const COLUMNS = [
  ["log-prob", 14],
  ["perplexity", 12],
  ["bits/token", 11],
  ["tokens", 9],
] as const;
const TEXT = 60;

/** A number with four decimals, or with four significant digits if it is large; a dash if nothing was scored. */
function number(value: number): string {
  if (Number.isNaN(value)) return "–";
  return Math.abs(value) < 1e6 ? value.toFixed(4) : value.toExponential(3);
}

const row = (cells: readonly string[], text: string): string =>
  `${cells.map((cell, i) => cell.padStart(COLUMNS[i]?.[1] ?? 0)).join("")}  ${text}\n`;

const cells = ({ logProb, perplexity, bitsPerToken, tokens }: Omit<Score, "tokenLogProbs">) => [
  number(logProb),
  number(perplexity),
  number(bitsPerToken),
  String(tokens),
];

export const tableHead = (): string =>
  row(
    COLUMNS.map(([name]) => name),
    "text",
  );

/** A row for each sequence, and with `perToken` one for each token that was scored. */
export const tableRows = (perToken: boolean, vocabulary: Vocabulary | undefined): Rows => ({
  scored({ sequence, ids, score }) {
    const text =
      typeof sequence === "string" ? sequence : `[${sequence.slice(0, TEXT).join(", ")}]`;
    let rows = row(cells(score), printable(text.slice(0, 4 * TEXT), TEXT));
    if (!perToken) return rows;
    const { tokenLogProbs } = score;
    // The first token has no score, unless the model has a token that stands before it.
    const first = ids.length - tokenLogProbs.length;
    tokenLogProbs.forEach((logProb, t) => {
      const id = ids[first + t] as number;
      const token = vocabulary?.tokens[id];
      rows += row([number(logProb)], token === undefined ? String(id) : JSON.stringify(token));
    });
    return rows;
  },
  failed: (_, message) => row(["–", "–", "–", "–"], `error: ${printable(message)}`),
});

const NUMBERS = ["logProb", "perplexity", "bitsPerToken", "tokens"] as const;
/** The fields of the output, which no field of the input can be. */
export const JSON_NAMES: readonly string[] = ["line", ...NUMBERS, "tokenLogProbs", "error"];

/** A JSON object for each sequence; NaN is null. */
export function jsonRows(perToken: boolean): Rows {
  const row = ({ line, fields }: Pick<Scored, "line" | "fields">, rest: object): string =>
    `{"line":${line},${fields}${JSON.stringify(rest).slice(1)}\n`;
  return {
    scored({ score, ...place }) {
      const numbers = Object.fromEntries(NUMBERS.map((name) => [name, score[name]]));
      const each = perToken ? { tokenLogProbs: [...score.tokenLogProbs] } : {};
      return row(place, { ...numbers, ...each });
    },
    failed: (place, error) => row(place, { error }),
  };
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
    return row(cells(all), `total: ${this.lines} ${this.lines === 1 ? "line" : "lines"}`);
  }
}
