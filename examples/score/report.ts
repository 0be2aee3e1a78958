import Table from "cli-table3";
import type { Score } from "recurra";
import type { Text } from "./texts.js";

/** Characters of a text that are shown: the table fits a terminal of 80 columns. */
const WIDTH = 38;

/** A text and what the model thinks of it. */
export interface Scored extends Text {
  readonly score: Score;
}

/** A row for each text, in the order given, with a mark below the character that surprised the model most. */
export function report(scored: readonly Scored[]): string {
  const table = new Table({
    head: ["", "text", "bits per\nchar.", "\nperplexity"],
    colAligns: ["left", "left", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const { kind, text, score } of scored) {
    const { bitsPerToken, perplexity, tokenLogProbs } = score;
    const cells = [kind.join("\n"), marked(text, leastOf(tokenLogProbs))];
    table.push([...cells, decimals(bitsPerToken, 2), decimals(perplexity, 1)]);
  }
  return table.toString();
}

/** A text of no characters has neither bits nor a perplexity. */
function decimals(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** Where the smallest value is; −1 if there is none. */
function leastOf(values: Float64Array): number {
  return values.indexOf(
    values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  );
}

/** A part of the text with the character in it, and below that a mark. */
function marked(text: string, at: number): string {
  const characters = Array.from(text, (character) =>
    /[\s\p{C}]/u.test(character) ? " " : character,
  );
  const most = Math.max(0, characters.length - WIDTH);
  const from = Math.min(Math.max(0, at - Math.floor(WIDTH / 2)), most);
  const shown = characters.slice(from, from + WIDTH);
  if (from > 0) shown[0] = "…";
  if (from < most) shown[WIDTH - 1] = "…";
  return `${shown.join("")}\n${at < 0 ? "" : `${" ".repeat(at - from)}^`}`;
}
