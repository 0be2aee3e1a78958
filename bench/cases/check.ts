// A contender is timed only when its numbers are right.
import { readFileSync } from "node:fs";
import type { Width, Work } from "./cases.js";

/**
 * Largest error, relative to the largest expected number of the same result: sums of up to 768 products and 4096 steps
 * of contraction stay far below it in either width (seen: 2e-15 and 2e-6), a wrong gate or a forgotten step far above.
 */
export const tolerance = (width: Width, work: Work): number => {
  if (work.endsWith("map")) return width === "f64" ? 2e-15 : 3e-7;
  return width === "f64" ? 1e-12 : 2e-5;
};

export function readResult(path: string): Float64Array {
  return new Float64Array(new Uint8Array(readFileSync(path)).buffer);
}

/**
 * The largest error, relative to the largest expected number; infinite where the size is wrong or a NaN came. Where the
 * expected number is NaN, nobody knows it, and any number will do.
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

const SMALLEST_NORMAL: Record<Width, number> = { f64: 2 ** -1022, f32: 2 ** -126 };

/** The share of the numbers that are subnormal in the given width: a decaying case must be mostly that. */
export function subnormalShare(values: Float64Array, width: Width): number {
  const edge = SMALLEST_NORMAL[width];
  return values.filter((v) => v !== 0 && Math.abs(v) < edge).length / values.length;
}
