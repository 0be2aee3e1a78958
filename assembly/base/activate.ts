// sigmoid and tanh from t = exp(−a) and u = −expm1(−a), a ≥ 0. Why these forms are monotone: docs/numerics.md.

import { negativeExpm1, negativeExponent, negativeScale } from "./exp";
import { VECTOR } from "./lanes";

// One row per constant, doubled, as in exp.ts.
const SIGN: usize = 0;
const LOWEST: usize = 1;
const MINUS_LN3: usize = 2;
const HALF: usize = 3;
const ONE: usize = 4;
const TWO: usize = 5;
const UNIT: usize = 6;
const INVERSE_UNIT: usize = 7;
const FLAT: usize = 8;
const TABLE: usize = memory.data<f64>(
  [
    -0.0, -0.0,
    -746.0, -746.0, // exp is 0 from here down
    -1.0986122886681098, -1.0986122886681098,
    0.5, 0.5,
    1.0, 1.0,
    2.0, 2.0,
    18446744073709551616.0, 18446744073709551616.0, // 2^64, the unit in which negativeScale counts
    5.421010862427522e-20, 5.421010862427522e-20, // 2^-64
    -64.0, -64.0, // expm1 is −1 from −38 down
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
  const exp = f64x2.add(scale, p);
  const t = f64x2.mul(exp, constant(INVERSE_UNIT));
  const u = f64x2.sub(f64x2.sub(constant(UNIT), scale), p);
  const near = f64x2.gt(y, constant(MINUS_LN3));
  const numerator = f64x2.mul(v128.bitselect(u, exp, near), constant(INVERSE_UNIT));
  const q = f64x2.div(numerator, f64x2.add(constant(ONE), t));
  const b = v128.bitselect(constant(HALF), t, near);
  const s = f64x2.sub(b, f64x2.mul(b, q));
  return v128.bitselect(s, f64x2.sub(constant(ONE), s), f64x2.lt(x, f64x2.splat(0)));
}

/** tanh(x) = u / (2 − u) with the sign of x, u = −expm1(−2|x|): the numerator grows, the denominator shrinks. */
// @ts-ignore: decorator
@inline
export function tanhVector(x: v128): v128 {
  const minus = v128.or(x, constant(SIGN));
  const y = f64x2.pmax(f64x2.add(minus, minus), constant(FLAT)); // −2|x|; keeps a NaN
  const exponent = negativeExponent(y);
  const scale = f64x2.mul(negativeScale(exponent), constant(INVERSE_UNIT));
  const p = negativeExpm1(y, exponent);
  const u = f64x2.sub(f64x2.sub(constant(ONE), scale), f64x2.mul(scale, p));
  const size = f64x2.div(u, f64x2.sub(constant(TWO), u));
  return v128.bitselect(x, size, constant(SIGN));
}
