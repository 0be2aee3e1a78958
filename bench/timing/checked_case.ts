// A case with its operands in files and the check of its results.
import { mkdirSync } from "node:fs";
import type { Case, Precision } from "../cases/cases.js";
import { relativeError, tolerance } from "../cases/check.js";
import { makeOperands, writeOperands } from "../cases/data.js";
import { type CellKind, expected, expectedScores } from "../cases/expected.js";
import { isLanguage, makeReading, tokensOf, writeReading } from "../cases/language.js";

export interface CheckedCase {
  /** Path of the operands. */
  operands: string;
  /** Tokens whose probability one call gives; undefined for other works. */
  tokens?: number;
  /** The error of a result, relative to its largest number. @throws {Error} beyond the tolerance */
  check(result: Float64Array, precision: Precision, cell: CellKind): number;
}

/** Where the oracle computed no number (NaN), the first contender that is right elsewhere sets it. */
function checking(one: Case, oracle: (cell: CellKind) => Float64Array): CheckedCase["check"] {
  const answers = new Map<CellKind, Float64Array>();
  return (result, precision, cell) => {
    const right = answers.get(cell) ?? oracle(cell);
    answers.set(cell, right);
    const error = relativeError(result, right);
    const bound = tolerance(precision, one.work);
    if (!(error <= bound)) {
      throw new Error(`wrong output: error ${error.toExponential(1)}, bound ${bound}`);
    }
    right.forEach((value, i) => {
      if (Number.isNaN(value)) right[i] = result[i] as number;
    });
    return error;
  };
}

/** Writes the operands to a file or a folder that begins with `path`. */
export function checkedCase(one: Case, path: string): CheckedCase {
  if (!isLanguage(one)) {
    const file = `${path}.f64`;
    const operands = makeOperands(one);
    writeOperands(file, operands);
    return { operands: file, check: checking(one, (cell) => expected(one, operands, cell)) };
  }
  const reading = makeReading(one);
  mkdirSync(path, { recursive: true });
  writeReading(path, reading);
  const check = checking(one, () => expectedScores(one, reading));
  const tokens = tokensOf(one, reading);
  return tokens > 0 ? { operands: path, check, tokens } : { operands: path, check };
}
