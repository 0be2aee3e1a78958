// What the conductor and a contender's process say to each other: one line of JSON each way, numbers in files.
import type { Sizes, Work } from "../cases/cases.js";

export interface Job extends Sizes {
  work: Work;
  /** File of the operands (cases/data.ts), f64; for a language model the folder of its files (cases/language.ts). */
  operands: string;
  /** File that takes the result, f64. */
  result: string;
  /** Calls before the result is written. */
  calls: number;
}

export type Request =
  | { do: "prepare"; id: number; job: Job; warm: number }
  | { do: "sample"; id: number; milliseconds: number }
  | { do: "release"; id: number };

/** `nanoseconds` is what one call took; `sink` is made of the results, so that no call can be left out. */
export type Reply =
  | { ok: true; nanoseconds: number; calls: number; sink: number; note?: string }
  | { ok: false; error: string };

/** One job, ready to run. `call` does the whole work once and returns a number out of its result. */
export interface Prepared {
  call(): number | Promise<number>;
  /** The result of the last call, in the layout of the oracle. */
  result(): ArrayLike<number> | Promise<ArrayLike<number>>;
  release?(): void;
  note?: string;
}

/** Makes a job of its operands: of numbers, or of a language model's files. */
export type Prepare<O> = (job: Job, operands: O) => Prepared | Promise<Prepared>;
