// sigmoid and tanh in four f32 lanes: one division each, of operands that move in opposite directions or one of which stands
// still, so that rounding cannot turn a rise into a fall. Error bounds by a sweep over all floats: docs/numerics.md.

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
    16.0, 16.0, 16.0, 16.0, // tanh is 1 from 9.02 up
    12583039.0, 12583039.0, 12583039.0, 12583039.0, // 1.5 · 2^23 + 127
    -104.0, -104.0, -104.0, -104.0, // sigmoid is 0 from here down
    20.0, 20.0, 20.0, 20.0, // and 1 from 17.33 up
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

/** 1 / (1 + exp(−x)) = 1 / ((1 + s) + s p), s = 2^n; everything in units of 2^−32, so that s is finite up to n = 150. */
// @ts-ignore: decorator
@inline
export function sigmoidSingle(x: v128): v128 {
  const v = f32x4.pmin(f32x4.pmax(x, constant(LOWEST)), constant(HIGHEST)); // keeps a NaN
  const exponent = exponentSingle(v, constant(MAGIC_UNIT));
  const scale = scaleSingle(exponent);
  const t = restSingle(v, f32x4.sub(exponent, constant(MAGIC_UNIT)));
  const p = expm1MinusSingle(t, t);
  const whole = f32x4.add(constant(UNIT), scale);
  return f32x4.div(constant(UNIT), f32x4.add(whole, f32x4.mul(scale, p)));
}

/**
 * ((1 − s) − s p) / ((1 + s) + s p) at |x|, with the sign of x; s (1 + p) = exp(−2|x|), s = 2^n. One constant serves as
 * ln2: it errs by 2^−29 and its product with n is exact for n ≥ −7; further off, what n ln2 lacks vanishes beside 1.
 * Where x is tiny it is not squared: the square of a state that has decayed would be subnormal, which some processors do
 * at a quarter of the speed.
 */
// @ts-ignore: decorator
@inline
export function tanhSingle(x: v128): v128 {
  const size = f32x4.pmin(v128.andnot(x, constant(SIGN)), constant(FLAT)); // keeps a NaN
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
