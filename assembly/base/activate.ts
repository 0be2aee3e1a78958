// sigmoid and tanh from t = exp(−a) and u = −expm1(−a), a ≥ 0. Why these forms are monotone: docs/numerics.md.

import { negativeExpm1, negativeExponent, negativeScale } from "./exp";
import { VECTOR } from "./lanes";

// One row per constant, doubled, as in exp.ts. UNIT = 2^64, in which negativeScale counts, cancels in the quotients.
const SIGN: usize = 0;
const LOWEST: usize = 1;
const FLAT: usize = 2;
const MINUS_LN3: usize = 3;
const ONE: usize = 4;
const INVERSE_UNIT: usize = 5;
const MINUS_HALF: usize = 6;
const UNIT: usize = 7;
const TWO_UNITS: usize = 8;
const TABLE: usize = memory.data<f64>(
  [
    -0.0, -0.0,
    -746.0, -746.0, // exp is 0 from here down
    -64.0, -64.0, // expm1 is −1 from −38 down
    -1.0986122886681098, -1.0986122886681098,
    1.0, 1.0,
    5.421010862427522e-20, 5.421010862427522e-20,
    -0.5, -0.5,
    18446744073709551616.0, 18446744073709551616.0,
    36893488147419103232.0, 36893488147419103232.0,
  ],
  16,
);

// @ts-ignore: decorator
@inline
function constant(row: usize): v128 {
  return v128.load(TABLE + row * VECTOR);
}

/**
 * 1 / (1 + exp(−x)). With q = (a < ln3 ? u : t) / (1 + t), sigmoid(−a) = b − b q, b = a < ln3 ? ½ : t: the difference of two
 * numbers of which the second is at most half of the first. sigmoid(a) = 1 − sigmoid(−a).
 */
// @ts-ignore: decorator
@inline
export function sigmoidVector(x: v128): v128 {
  const y = f64x2.pmax(v128.or(x, constant(SIGN)), constant(LOWEST)); // −|x|; keeps a NaN
  const exponent = negativeExponent(y);
  const scale = negativeScale(exponent);
  const p = f64x2.mul(scale, negativeExpm1(y, exponent));
  const t = f64x2.add(scale, p);
  const near = f64x2.gt(y, constant(MINUS_LN3));
  const q = f64x2.div(
    f64x2.sub(v128.and(near, constant(UNIT)), t),
    f64x2.add(constant(UNIT), t),
  );
  const b = v128.bitselect(constant(MINUS_HALF), f64x2.mul(t, constant(INVERSE_UNIT)), near);
  const s = f64x2.add(v128.andnot(b, constant(SIGN)), f64x2.mul(b, q));
  const one = v128.andnot(constant(ONE), f64x2.lt(x, f64x2.splat(0))); // 0 where x < 0
  return v128.andnot(f64x2.sub(one, s), constant(SIGN));
}

/** tanh(x) = u / (2 − u) with the sign of x, u = −expm1(−2|x|): the numerator grows, the denominator shrinks. */
// @ts-ignore: decorator
@inline
export function tanhVector(x: v128): v128 {
  const minus = v128.or(x, constant(SIGN));
  const y = f64x2.pmax(f64x2.add(minus, minus), constant(FLAT)); // −2|x|; keeps a NaN
  const exponent = negativeExponent(y);
  const scale = negativeScale(exponent);
  const p = f64x2.mul(scale, negativeExpm1(y, exponent));
  const u = f64x2.sub(f64x2.sub(constant(UNIT), scale), p);
  const v = f64x2.add(f64x2.add(constant(UNIT), scale), p);
  const size = f64x2.div(u, v);
  return v128.or(size, v128.and(x, constant(SIGN)));
}
