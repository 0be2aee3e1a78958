import Table from "cli-table3";
import type { Score } from "recurra";
import type { Text } from "./texts.js";

/** The most characters of a text that a row shows, so that the table fits a terminal of 80 columns. */
const WIDTH = 38;

/** A text and its score. */
export interface Scored extends Text {
  readonly score: Score;
}

/** A table with a row for each text, and a mark below the character that surprised the model most. */
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

/** An empty text has neither bits nor a perplexity: both are NaN. */
function decimals(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** The index of the smallest value; −1 if there is none. */
function leastOf(values: Float64Array): number {
  return values.indexOf(
    values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  );
}

/** The part of the text around one character, and a mark on the line below it. */
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
