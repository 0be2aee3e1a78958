// Four f32 lanes. exp(−v) = 2^n (1 + p): n = −v / ln2 rounded, t = v + n ln2, |t| ≤ ln2 / 2, p = expm1(−t) = t² P(t) − t. P is
// a minimax polynomial of scripts/fit_polynomials.py, with −t for r. The sign is negative because sigmoid and tanh need
// exp(−x) and exp(−2|x|). Error, and that it never decreases, from a sweep over all floats: docs/numerics.md.

import { VECTOR } from "./lanes";

// One row per constant, four times, as in exp.ts.
const MINUS_INVERSE_LN2: usize = 0;
const LN2_HEAD: usize = 1;
const LN2_TAIL: usize = 2;
const LOWEST: usize = 3;
const HIGHEST: usize = 4;
const MAGIC_TWICE: usize = 5;
const ONE: usize = 6;
const SIGN: usize = 7;
const SPECK: usize = 8;
const P: usize = 9;
// prettier-ignore
const TABLE: usize = memory.data<f32>(
  [
    -1.4426950216293335, -1.4426950216293335, -1.4426950216293335, -1.4426950216293335,
    0.693145751953125, 0.693145751953125, 0.693145751953125, 0.693145751953125, // 16 bits, so its product with n is exact
    1.428606765330187e-6, 1.428606765330187e-6, 1.428606765330187e-6, 1.428606765330187e-6,
    -89.0, -89.0, -89.0, -89.0, // exp(−v) is Infinity below
    104.0, 104.0, 104.0, 104.0, // exp(−v) is 0 above
    12583166.0, 12583166.0, 12583166.0, 12583166.0, // 1.5 · 2^23 + 2 · 127
    1.0, 1.0, 1.0, 1.0,
    -0.0, -0.0, -0.0, -0.0,
    8.881784197001252e-16, 8.881784197001252e-16, 8.881784197001252e-16, 8.881784197001252e-16, // 2^−50
    0.5, 0.5, 0.5, 0.5, // P, constant term first
    -0.1666654497385025, -0.1666654497385025, -0.1666654497385025, -0.1666654497385025,
    0.041666287928819656, 0.041666287928819656, 0.041666287928819656, 0.041666287928819656,
    -0.008366456255316734, -0.008366456255316734, -0.008366456255316734, -0.008366456255316734,
    0.0013946209801360965, 0.0013946209801360965, 0.0013946209801360965, 0.0013946209801360965,
  ],
  16,
);

// @ts-ignore: decorator
@inline
function constant(row: usize): v128 {
  return v128.load(TABLE + row * VECTOR);
}

// @ts-ignore: decorator
@inline
function step(q: v128, u: v128, row: usize): v128 {
  return f32x4.add(f32x4.mul(q, u), constant(row));
}

/** n of `v`, with a bias, in the low bits of 1.5 · 2^23; `magic` is the sum of both. */
// @ts-ignore: decorator
@inline
export function exponentSingle(v: v128, magic: v128): v128 {
  return f32x4.add(f32x4.mul(v, constant(MINUS_INVERSE_LN2)), magic);
}

/** The power of two whose biased exponent is in the low bits. */
// @ts-ignore: decorator
@inline
export function scaleSingle(exponent: v128): v128 {
  return i32x4.shl(exponent, 23);
}

/**
 * t = v + n ln2 + 2^−50. The addend vanishes beside exp(−v) ≈ 1; where v is tiny it keeps t² a normal number, because subnormal
 * numbers make the whole loop 4 times slower on some processors.
 */
// @ts-ignore: decorator
@inline
export function restSingle(v: v128, n: v128): v128 {
  const head = f32x4.add(v, f32x4.mul(n, constant(LN2_HEAD)));
  return f32x4.add(head, f32x4.add(f32x4.mul(n, constant(LN2_TAIL)), constant(SPECK)));
}

/** p = expm1(−t) = u² P(u) − t; u is t, or 0 if t² vanishes beside t. */
// @ts-ignore: decorator
@inline
export function expm1MinusSingle(t: v128, u: v128): v128 {
  const z = f32x4.mul(u, u);
  const a = step(constant(P + 1), u, P);
  const b = step(constant(P + 3), u, P + 2);
  const c = f32x4.add(f32x4.mul(constant(P + 4), z), b);
  const q = f32x4.add(f32x4.mul(c, z), a);
  return f32x4.sub(f32x4.mul(q, z), t);
}

/** exp(x) over the whole range: 0 below −103.97, Infinity above 88.72, gradual underflow between. */
// @ts-ignore: decorator
@inline
export function expSingle(x: v128): v128 {
  const minus = v128.xor(x, constant(SIGN));
  const v = f32x4.pmin(f32x4.pmax(minus, constant(LOWEST)), constant(HIGHEST)); // a NaN stays
  const k = exponentSingle(v, constant(MAGIC_TWICE));
  const t = restSingle(v, f32x4.sub(k, constant(MAGIC_TWICE)));
  const p = expm1MinusSingle(t, t);
  // 2^n is the product of two normal numbers; only the second product rounds.
  const half = i32x4.shr_u(k, 1);
  const first = i32x4.shl(half, 23);
  const second = i32x4.shl(i32x4.sub(k, half), 23);
  return f32x4.mul(f32x4.mul(f32x4.add(p, constant(ONE)), first), second);
}
