// sigmoid and tanh in two f64 lanes. Each divides once, and its operands move in opposite directions, so rounding cannot
// make the result decrease. Error bounds and proof: docs/numerics.md.

import { expm1Rest, halfTanhRest, negativeExponent, negativeRest, negativeScale } from "./exp";
import { VECTOR } from "./lanes";
import { sigmoidSingle, tanhSingle } from "./activate_f32";

// One row per constant, doubled, as in exp.ts. UNIT = 2^64 is the unit of negativeScale; it cancels in the quotients.
const SIGN: usize = 0;
const LOWEST: usize = 1;
const FLAT: usize = 2;
const ONE: usize = 3;
const UNIT: usize = 4;
// prettier-ignore
const TABLE: usize = memory.data<f64>(
  [
    -0.0, -0.0,
    -746.0, -746.0, // exp is 0 below
    -64.0, -64.0, // expm1 is −1 below −38
    1.0, 1.0,
    18446744073709551616.0, 18446744073709551616.0,
  ],
  16,
);

// @ts-ignore: decorator
@inline
function constant(row: usize): v128 {
  return v128.load(TABLE + row * VECTOR);
}

/**
 * 1 / (1 + exp(−x)). With exp(−|x|) = s (1 + w) / (1 − w), s = 2^n, w = tanh(r / 2):
 * sigmoid(−|x|) = (s + s w) / ((1 + s) − w (1 − s)), sigmoid(|x|) = 1 − sigmoid(−|x|).
 */
// @ts-ignore: decorator
@inline
export function sigmoidVector(x: v128): v128 {
  const y = f64x2.pmax(v128.or(x, constant(SIGN)), constant(LOWEST)); // −|x|; a NaN stays
  const exponent = negativeExponent(y);
  const scale = negativeScale(exponent);
  const w = halfTanhRest(negativeRest(y, exponent));
  const numerator = f64x2.add(scale, f64x2.mul(scale, w));
  const more = f64x2.add(constant(UNIT), scale);
  const less = f64x2.sub(constant(UNIT), scale);
  const left = f64x2.div(numerator, f64x2.sub(more, f64x2.mul(w, less)));
  const one = v128.andnot(constant(ONE), f64x2.lt(x, f64x2.splat(0))); // 0 where x < 0
  return v128.andnot(f64x2.sub(one, left), constant(SIGN));
}

/** u / (2 − u) with the sign of x, u = −expm1(−2|x|) = (1 − s) − s p, s = 2^n, p = expm1(r); 2 − u = (1 + s) + s p. */
// @ts-ignore: decorator
@inline
export function tanhVector(x: v128): v128 {
  const minus = v128.or(x, constant(SIGN));
  const y = f64x2.pmax(f64x2.add(minus, minus), constant(FLAT)); // −2|x|; a NaN stays
  const exponent = negativeExponent(y);
  const scale = negativeScale(exponent);
  const p = f64x2.mul(scale, expm1Rest(negativeRest(y, exponent)));
  const numerator = f64x2.sub(f64x2.sub(constant(UNIT), scale), p);
  const denominator = f64x2.add(f64x2.add(constant(UNIT), scale), p);
  const size = f64x2.div(numerator, denominator);
  return v128.or(size, v128.and(x, constant(SIGN)));
}

/** 1 / (1 + exp(−x)) in the lanes of T. */
// @ts-ignore: decorator
@inline
export function sigmoid<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? sigmoidVector(x) : sigmoidSingle(x);
}

/** tanh(x) in the lanes of T. */
// @ts-ignore: decorator
@inline
export function tanh<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? tanhVector(x) : tanhSingle(x);
}
