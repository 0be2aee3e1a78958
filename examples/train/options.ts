import { parseArgs } from "node:util";

export interface Options {
  /** Files to learn from; if empty, the public-domain texts. */
  readonly text: readonly string[];
  readonly out: string;
  readonly steps: number;
  readonly hidden: number;
  readonly seed: number;
  readonly help: boolean;
}

const DEFAULTS = {
  out: "models/english-characters.safetensors",
  steps: "7000",
  hidden: "192",
  seed: "1",
} as const;

export const HELP = `Trains a character language model and writes it as safetensors. Without options it makes the
shipped models/english-characters.safetensors again, byte for byte, in about 14 minutes of one core.

  npm run train                                   fetches public-domain English with npm, and trains on it
  npm run train -- --text my.txt --out my.safetensors --steps 500
  npm run train -- --text a.txt --text b.txt …    trains on these files: UTF-8, paragraphs end at an empty line

  --steps N     number of updates, each after 1,024 characters (default ${DEFAULTS.steps})
  --hidden N    hidden units (default ${DEFAULTS.hidden})
  --seed N      seed of the first weights and of the passages (default ${DEFAULTS.seed})
  --out FILE    where to write the model (default ${DEFAULTS.out})`;

/** Reads the command line. @throws {TypeError} with a message for the user */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      text: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: DEFAULTS.out },
      steps: { type: "string", default: DEFAULTS.steps },
      hidden: { type: "string", default: DEFAULTS.hidden },
      seed: { type: "string", default: DEFAULTS.seed },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    text: values.text,
    out: values.out,
    steps: integer("--steps", values.steps, 1, 1e6),
    hidden: integer("--hidden", values.hidden, 1, 4096),
    seed: integer("--seed", values.seed, 0, 2 ** 32 - 1),
    help: values.help,
  };
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new TypeError(`${name}: expected a whole number in ${least} … ${most}, got "${text}"`);
}
