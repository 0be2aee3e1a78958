// exp(x) = 2^n (1 + p) = 2^n (1 + w) / (1 − w): n = x / ln2 rounded, r = x − n ln2, |r| ≤ ln2 / 2,
// p = expm1(r) = r + r² P(r), w = tanh(r / 2) = r H(r²). P and H are minimax polynomials of scripts/fit_polynomials.py.
// Error bound and proof that exp never decreases: docs/numerics.md.

import { VECTOR } from "./lanes";

// One row per constant, doubled: a load is one instruction, f64x2.splat of a constant is several (V8 11, x64).
const INVERSE_LN2: usize = 0;
const LN2_HEAD: usize = 1;
const LN2_TAIL: usize = 2;
const LOWEST: usize = 3;
const HIGHEST: usize = 4;
const MAGIC: usize = 5;
const MAGIC_TWICE: usize = 6;
const HALF: usize = 7;
const ONE: usize = 8;
const P: usize = 9;
const H: usize = 19;
// prettier-ignore
const TABLE: usize = memory.data<f64>(
  [
    1.4426950408889634, 1.4426950408889634,
    0.6931471805598903, 0.6931471805598903, // 42 bits, so its product with n is exact
    5.497923018708371e-14, 5.497923018708371e-14,
    -746.0, -746.0, // exp is 0 below
    710.0, 710.0, // exp is Infinity above
    6755399441056831.0, 6755399441056831.0, // 1.5 · 2^52 + 1023 + 64
    6755399441057790.0, 6755399441057790.0, // 1.5 · 2^52 + 2 · 1023
    0.5, 0.5,
    1.0, 1.0,
    0.5000000000000006, 0.5000000000000006, // P, constant term first
    0.16666666666666685, 0.16666666666666685,
    0.0416666666665782, 0.0416666666665782,
    0.008333333333315169, 0.008333333333315169,
    0.0013888888931183774, 0.0013888888931183774,
    0.00019841269901871417, 0.00019841269901871417,
    2.4801505662203128e-5, 2.4801505662203128e-5,
    2.7557228920365835e-6, 2.7557228920365835e-6,
    2.7625902550039146e-7, 2.7625902550039146e-7,
    2.511418589398739e-8, 2.511418589398739e-8,
    -0.041666666666665145, -0.041666666666665145, // H from its second term; the first is ½
    0.00416666666646337, 0.00416666666646337,
    -0.00042162697394953504, -0.00042162697394953504,
    4.271360198786999e-05, 4.271360198786999e-05,
    -4.324773090517808e-06, -4.324773090517808e-06,
    4.202952720283239e-07, 4.202952720283239e-07,
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
function step(q: v128, r: v128, row: usize): v128 {
  return f64x2.add(f64x2.mul(q, r), constant(row));
}

/** r = x − n ln2. */
// @ts-ignore: decorator
@inline
function reduced(x: v128, n: v128): v128 {
  const head = f64x2.sub(x, f64x2.mul(n, constant(LN2_HEAD)));
  return f64x2.sub(head, f64x2.mul(n, constant(LN2_TAIL)));
}

/** p = expm1(r). P in Estrin's order: two products more than Horner's, half the chain, 25 % faster (V8 11, x64). */
// @ts-ignore: decorator
@inline
export function expm1Rest(r: v128): v128 {
  const z = f64x2.mul(r, r);
  const w = f64x2.mul(z, z);
  const a = step(constant(P + 1), r, P);
  const b = step(constant(P + 3), r, P + 2);
  const c = step(constant(P + 5), r, P + 4);
  const d = step(constant(P + 7), r, P + 6);
  const e = step(constant(P + 9), r, P + 8);
  const ab = f64x2.add(f64x2.mul(b, z), a);
  const cd = f64x2.add(f64x2.mul(d, z), c);
  const cde = f64x2.add(f64x2.mul(e, w), cd);
  return f64x2.add(f64x2.mul(z, f64x2.add(f64x2.mul(cde, w), ab)), r);
}

/** w = tanh(r / 2): exp(r) = (1 + w) / (1 − w). */
// @ts-ignore: decorator
@inline
export function halfTanhRest(r: v128): v128 {
  const z = f64x2.mul(r, r);
  const w = f64x2.mul(z, z);
  const a = step(constant(H + 1), z, H);
  const b = step(constant(H + 3), z, H + 2);
  const c = step(constant(H + 5), z, H + 4);
  const bc = f64x2.add(f64x2.mul(c, w), b);
  const abc = f64x2.add(f64x2.mul(bc, w), a);
  return f64x2.add(f64x2.mul(f64x2.mul(r, z), abc), f64x2.mul(r, constant(HALF)));
}

/** n for −746 ≤ x ≤ 0 or NaN, with the bias 1023 + 64, in the low bits of a magic number. */
// @ts-ignore: decorator
@inline
export function negativeExponent(x: v128): v128 {
  return f64x2.add(f64x2.mul(x, constant(INVERSE_LN2)), constant(MAGIC));
}

/** 2^(n + 64), which is a normal number even where 2^n is subnormal. */
// @ts-ignore: decorator
@inline
export function negativeScale(exponent: v128): v128 {
  return i64x2.shl(exponent, 52);
}

/** r of `x` and its exponent. */
// @ts-ignore: decorator
@inline
export function negativeRest(x: v128, exponent: v128): v128 {
  return reduced(x, f64x2.sub(exponent, constant(MAGIC)));
}

/** exp(x) over the whole range: 0 below −745.14, Infinity above 709.79, gradual underflow between. */
// @ts-ignore: decorator
@inline
export function expVector(x: v128): v128 {
  const clamped = f64x2.pmin(f64x2.pmax(x, constant(LOWEST)), constant(HIGHEST)); // a NaN of x stays
  const k = f64x2.add(f64x2.mul(clamped, constant(INVERSE_LN2)), constant(MAGIC_TWICE));
  const p = expm1Rest(reduced(clamped, f64x2.sub(k, constant(MAGIC_TWICE))));
  // 2^n is the product of two normal numbers; only the second product rounds.
  const half = i64x2.shr_u(k, 1);
  const first = i64x2.shl(half, 52);
  const second = i64x2.shl(i64x2.sub(k, half), 52);
  return f64x2.mul(f64x2.mul(f64x2.add(p, constant(ONE)), first), second);
}
