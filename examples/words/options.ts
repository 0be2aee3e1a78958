import { parseArgs } from "node:util";

export interface Options {
  /** How many of the English words to use. */
  readonly words: number;
  readonly seed: number;
  readonly help: boolean;
}

const LEAST_WORDS = 100;

export const HELP = `Learns how English words are spelled with a character LSTM, then tells words
that it has never seen from the same letters shuffled.

  npm start                    all words, about a minute
  npm start -- --words 20000   that many, chosen at random: seconds
  npm start -- --seed 2        other words kept back, another start (default 1)
  npm start -- --help          this text`;

/** Reads the command line. @throws {TypeError} with a message for the user */
export function readOptions(args: string[], available: number): Options {
  const { values } = parseArgs({
    args,
    options: {
      words: { type: "string", default: String(available) },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    words: integer("--words", values.words, LEAST_WORDS, available),
    seed: integer("--seed", values.seed, 0, 2 ** 32 - 1),
    help: values.help,
  };
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new TypeError(`${name}: expected a whole number in ${least} … ${most}, got "${text}"`);
}
