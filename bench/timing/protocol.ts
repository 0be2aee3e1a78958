// The protocol between the bench and a contender's process: a line of JSON each way, numbers in files.
import type { Sizes, Work } from "../cases/cases.js";

export interface Job extends Sizes {
  work: Work;
  /** The file of the operands, f64 (cases/data.ts), or the folder of a language model's files (cases/language.ts). */
  operands: string;
  /** The file for the result, f64. */
  result: string;
  /** Calls before the result is written. */
  calls: number;
}

export type Request =
  | { do: "prepare"; id: number; job: Job; warm: number }
  | { do: "sample"; id: number; milliseconds: number }
  | { do: "release"; id: number };

/** `nanoseconds` is the time of one call; `sink` is computed from the results, so that no call can be optimised away. */
export type Reply =
  | { ok: true; nanoseconds: number; calls: number; sink: number; note?: string }
  | { ok: false; error: string };

/** A job that is ready to run. `call` does the whole work once and returns a number of its result. */
export interface Prepared {
  call(): number | Promise<number>;
  /** The result of the last call, in the layout of the oracle. */
  result(): ArrayLike<number> | Promise<ArrayLike<number>>;
  release?(): void;
  note?: string;
}

/** Prepares a job from its operands: numbers, or a language model's files. */
export type Prepare<O> = (job: Job, operands: O) => Prepared | Promise<Prepared>;
