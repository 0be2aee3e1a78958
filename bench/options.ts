import { parseArgs } from "node:util";
import type { Settings } from "./timing/interleaved.js";

export type Mode = "full" | "quick" | "check";

export interface Options extends Settings {
  mode: Mode;
  rivals: boolean;
  /** Writes docs/performance.* from the last full run, and runs nothing. */
  publish: boolean;
  /** Draws docs/performance.svg from docs/performance.md, and runs nothing. */
  draw: boolean;
  /** Runs only the cases whose work and name contain this. */
  only: string;
  out: string;
  /** How many processes of each kind the start-up is measured with. */
  starts: number;
}

const modes: Record<Mode, Settings & { starts: number }> = {
  full: { rounds: 21, sample: 20, warm: 300, budget: 6000, fewest: 3, starts: 40 },
  quick: { rounds: 9, sample: 6, warm: 60, budget: 300, fewest: 1, starts: 10 },
  check: { rounds: 1, sample: 0, warm: 0, budget: 0, fewest: 1, starts: 1 },
};

const usage = `npm run bench              everything, with the rivals (installs them first; some minutes)
npm run bench -- --quick   under a minute, without rivals
npm run bench -- --check   every output checked once, on small cases; the times mean nothing
npm run bench -- --publish writes docs/performance.md and .svg from the last full run
npm run bench -- --draw    draws docs/performance.svg again from docs/performance.md
  --rivals            with the rivals, in --quick and --check too
  --only <text>       only cases that contain the text, such as "lstm-forward S2", "train" or "start-up"
  --out <folder>      the folder for the results (default: bench/results)`;

export function readOptions(words: string[]): Options {
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: words,
    options: {
      quick: flag,
      check: flag,
      publish: flag,
      draw: flag,
      rivals: flag,
      help: flag,
      only: { type: "string", default: "" },
      out: { type: "string", default: "bench/results" },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const mode = values.check ? "check" : values.quick ? "quick" : "full";
  const { publish, draw, only, out } = values;
  const rivals = values.rivals || mode === "full";
  return { ...modes[mode], mode, rivals, publish, draw, only, out };
}
