import { uniform } from "./random.js";

/** Values at which arithmetic has exceptions: infinities, NaN, signed zeros, subnormal numbers, the largest ones. */
export const SPECIAL: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  5e-324,
  -5e-324,
  1e-310,
  -1e-310,
  2 ** -1022,
  1.7e308,
  -1.7e308,
  2 ** -149,
  -1e-40,
  2 ** -126,
  3.4e38,
  -3.4e38,
  1,
  -1,
];

/** A seeded draw of special and, one in `mix`, plain numbers. */
export function specialArray(seed: number, length: number, mix = 4): Float64Array {
  const next = uniform(seed);
  return new Float64Array(length).map(() => {
    const pick = Math.floor(Math.abs(next()) * SPECIAL.length * (1 + 1 / mix));
    return SPECIAL[pick] ?? next();
  });
}
