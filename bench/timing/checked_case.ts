// A case made ready for a race: its operands in files, and what must come out.
import { mkdirSync } from "node:fs";
import type { Case, Width } from "../cases/cases.js";
import { relativeError, tolerance } from "../cases/check.js";
import { makeOperands, writeOperands } from "../cases/data.js";
import { expected, expectedScores, type Memory } from "../cases/expected.js";
import { isLanguage, makeReading, tokensOf, writeReading } from "../cases/language.js";

export interface Question {
  /** Path of the operands. */
  operands: string;
  /** Tokens whose probability one call gives, where that is the work. */
  tokens?: number;
  /** The error of a result, relative to its largest number; throws beyond the tolerance. */
  check(result: Float64Array, width: Width, memory: Memory): number;
}

/** Where the oracle left numbers out (NaN), the first contender that was right on the others is believed. */
function checking(one: Case, answer: (memory: Memory) => Float64Array): Question["check"] {
  const answers = new Map<Memory, Float64Array>();
  return (result, width, memory) => {
    const right = answers.get(memory) ?? answer(memory);
    answers.set(memory, right);
    const error = relativeError(result, right);
    const bound = tolerance(width, one.work);
    if (!(error <= bound)) {
      throw new Error(`wrong output: error ${error.toExponential(1)}, bound ${bound}`);
    }
    right.forEach((value, i) => {
      if (Number.isNaN(value)) right[i] = result[i] as number;
    });
    return error;
  };
}

/** `path`: where the operands may stand, in a file or a folder. */
export function question(one: Case, path: string): Question {
  if (isLanguage(one)) {
    const reading = makeReading(one);
    mkdirSync(path, { recursive: true });
    writeReading(path, reading);
    const tokens = tokensOf(one, reading);
    const check = checking(one, () => expectedScores(one, reading));
    return { operands: path, check, ...(tokens > 0 ? { tokens } : {}) };
  }
  const file = `${path}.f64`;
  const operands = makeOperands(one);
  writeOperands(file, operands);
  return { operands: file, check: checking(one, (memory) => expected(one, operands, memory)) };
}
