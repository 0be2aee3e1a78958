// sigmoid and tanh in four f32 lanes. Each divides once; the operands move in opposite directions, or one of them is constant, so
// rounding cannot make the result decrease. Error bounds, from a sweep over all floats: docs/numerics.md.

import { expm1MinusSingle, exponentSingle, restSingle, scaleSingle } from "./exp_f32";
import { VECTOR } from "./lanes";

// One row per constant, four times, as in exp_f32.ts.
const SIGN: usize = 0;
const ONE: usize = 1;
const LN2: usize = 2;
const FLAT: usize = 3;
const MAGIC: usize = 4;
const LOWEST: usize = 5;
const HIGHEST: usize = 6;
const UNIT: usize = 7;
const MAGIC_UNIT: usize = 8;
const TINY: usize = 9;
// prettier-ignore
const TABLE: usize = memory.data<f32>(
  [
    -0.0, -0.0, -0.0, -0.0,
    1.0, 1.0, 1.0, 1.0,
    0.6931471824645996, 0.6931471824645996, 0.6931471824645996, 0.6931471824645996,
    16.0, 16.0, 16.0, 16.0, // tanh is 1 above 9.02
    12583039.0, 12583039.0, 12583039.0, 12583039.0, // 1.5 · 2^23 + 127
    -104.0, -104.0, -104.0, -104.0, // sigmoid is 0 below
    20.0, 20.0, 20.0, 20.0, // sigmoid is 1 above 17.33
    2.3283064365386963e-10, 2.3283064365386963e-10, 2.3283064365386963e-10, 2.3283064365386963e-10, // 2^−32
    12583007.0, 12583007.0, 12583007.0, 12583007.0, // 1.5 · 2^23 + 127 − 32
    9.313225746154785e-10, 9.313225746154785e-10, 9.313225746154785e-10, 9.313225746154785e-10, // 2^−30
  ],
  16,
);

// @ts-ignore: decorator
@inline
function constant(row: usize): v128 {
  return v128.load(TABLE + row * VECTOR);
}

/** 1 / (1 + exp(−x)) = 1 / ((1 + s) + s p), s = 2^n. All terms are in units of 2^−32, so s is finite up to n = 150. */
// @ts-ignore: decorator
@inline
export function sigmoidSingle(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, constant(LOWEST)), constant(HIGHEST)); // a NaN stays
  const exponent = exponentSingle(v, constant(MAGIC_UNIT));
  const scale = scaleSingle(exponent);
  const t = restSingle(v, f32x4.sub(exponent, constant(MAGIC_UNIT)));
  const p = expm1MinusSingle(t, t);
  const whole = f32x4.add(constant(UNIT), scale);
  return f32x4.div(constant(UNIT), f32x4.add(whole, f32x4.mul(scale, p)));
}

/**
 * ((1 − s) − s p) / ((1 + s) + s p) at |x|, with the sign of x; s (1 + p) = exp(−2|x|), s = 2^n. ln2 is one constant: its error
 * is 2^−29 and its product with n is exact for n ≥ −7; for smaller n the error of n ln2 vanishes beside 1. A tiny x is not
 * squared: the square of a decayed state would be subnormal, and some processors then run at a quarter of the speed.
 */
// @ts-ignore: decorator
@inline
export function tanhSingle(x: v128): v128 {
  const size = f32x4.pmin(v128.andnot(x, constant(SIGN)), constant(FLAT)); // a NaN stays
  const v = f32x4.add(size, size);
  const exponent = exponentSingle(v, constant(MAGIC));
  const scale = scaleSingle(exponent);
  const n = f32x4.sub(exponent, constant(MAGIC));
  const t = f32x4.add(v, f32x4.mul(n, constant(LN2)));
  const u = v128.and(t, f32x4.gt(size, constant(TINY)));
  const p = f32x4.mul(scale, expm1MinusSingle(t, u));
  const numerator = f32x4.sub(f32x4.sub(constant(ONE), scale), p);
  const denominator = f32x4.add(f32x4.add(constant(ONE), scale), p);
  return v128.or(f32x4.div(numerator, denominator), v128.and(x, constant(SIGN)));
}
