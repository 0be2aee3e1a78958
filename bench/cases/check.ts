// The check of a result. A contender whose output is wrong is not timed.
import { readFileSync } from "node:fs";
import type { Precision, Work } from "./cases.js";

/**
 * The largest error, relative to the largest expected number of the same result. Sums of up to 768 products over 4096
 * steps stay far below it (observed: 2e-15 and 2e-6); a wrong gate or a missing step exceeds it by far.
 */
export const tolerance = (precision: Precision, work: Work): number => {
  if (work.endsWith("map")) return precision === "f64" ? 2e-15 : 3e-7;
  return precision === "f64" ? 1e-12 : 2e-5;
};

export function readResult(path: string): Float64Array {
  return new Float64Array(new Uint8Array(readFileSync(path)).buffer);
}

/**
 * The largest error, relative to the largest expected number; infinite if the length differs or the result holds a NaN.
 * An expected NaN stands for a number that was not computed: there any number passes.
 */
export function relativeError(got: Float64Array, expected: Float64Array): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    const known = expected[i] as number;
    const g = got[i] as number;
    const e = Number.isNaN(known) ? g : known;
    const difference = Math.abs(g - e);
    if (!(difference <= Number.MAX_VALUE)) return Number.POSITIVE_INFINITY;
    if (difference > error) error = difference;
    if (Math.abs(e) > largest) largest = Math.abs(e);
  }
  return error === 0 ? 0 : error / largest;
}

const SMALLEST_NORMAL: Record<Precision, number> = { f64: 2 ** -1022, f32: 2 ** -126 };

/** The share of the numbers that are subnormal in a precision. */
export function subnormalShare(values: Float64Array, precision: Precision): number {
  const edge = SMALLEST_NORMAL[precision];
  return values.filter((v) => v !== 0 && Math.abs(v) < edge).length / values.length;
}
