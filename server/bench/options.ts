// The words after `npm run bench:server --`.
import { parseArgs } from "node:util";

export const PARTS = ["throughput", "live", "memory", "abuse", "soak", "jobs"] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  /** Which parts are run. */
  readonly parts: readonly Part[];
  /** Seconds of each load. */
  readonly seconds: number;
  /** How often each contender is loaded; medians count. */
  readonly rounds: number;
  /** Seconds of the soak. */
  readonly soak: number;
  /** Threads of each contender. */
  readonly workers: number;
}

export function readOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      only: { type: "string" },
      seconds: { type: "string", default: "8" },
      rounds: { type: "string", default: "3" },
      soak: { type: "string", default: "600" },
      workers: { type: "string", default: "2" },
    },
  });
  const parts = values.only?.split(",") ?? PARTS;
  const unknown = parts.find((part) => !PARTS.includes(part as Part));
  if (unknown !== undefined) {
    throw new TypeError(`--only: expected some of ${PARTS.join(", ")}, got ${unknown}`);
  }
  return {
    parts: parts as Part[],
    seconds: countOf("--seconds", values.seconds),
    rounds: countOf("--rounds", values.rounds),
    soak: countOf("--soak", values.soak),
    workers: countOf("--workers", values.workers),
  };
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new TypeError(`${name}: expected an integer ≥ 1, got ${text}`);
}
