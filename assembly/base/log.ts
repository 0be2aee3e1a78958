// log(x) = k ln2 + log(m): x = 2^k m, √½ ≤ m < √2, f = m − 1, s = f / (2 + f), z = s², h = f²/2;
// log(m) = f − h + s (h + z L(z)). L is a minimax polynomial of scripts/fit_polynomials.py.
// Error bound: docs/numerics.md.

import { VECTOR } from "./lanes";

// One row per constant, doubled, as in exp.ts.
const ROOT_HALF: usize = 0;
const BIAS: usize = 1;
const MANTISSA: usize = 2;
const MAGIC: usize = 3;
// prettier-ignore
const BITS: usize = memory.data<u64>(
  [
    0x3fe6a09e667f3bcd, 0x3fe6a09e667f3bcd, // √½
    0x00195f619980c433, 0x00195f619980c433, // 2^52 · 1024 minus the bits of √½
    0x000fffffffffffff, 0x000fffffffffffff,
    0x4330000000000000, 0x4330000000000000, // 2^52: its low bits hold an integer as a number
  ],
  16,
);
const SMALLEST: usize = 0;
const UP: usize = 1;
const UP_BITS: usize = 2;
const MAGIC_BIAS: usize = 3;
const INFINITE: usize = 4;
const MINUS_INFINITE: usize = 5;
const ONE: usize = 6;
const TWO: usize = 7;
const HALF: usize = 8;
const LN2_HEAD: usize = 9;
const LN2_TAIL: usize = 10;
const L: usize = 11;
// prettier-ignore
const TABLE: usize = memory.data<f64>(
  [
    2.2250738585072014e-308, 2.2250738585072014e-308, // numbers below are subnormal
    18014398509481984.0, 18014398509481984.0, // 2^54
    54.0, 54.0,
    4503599627371520.0, 4503599627371520.0, // 2^52 + 1024
    Infinity, Infinity,
    -Infinity, -Infinity,
    1.0, 1.0,
    2.0, 2.0,
    0.5, 0.5,
    0.6931471805598903, 0.6931471805598903, // 42 bits, so its product with k is exact
    5.497923018708371e-14, 5.497923018708371e-14,
    0.6666666666666726, 0.6666666666666726, // L, constant term first
    0.3999999999945866, 0.3999999999945866,
    0.28571428734002685, 0.28571428734002685,
    0.22222199338044957, 0.22222199338044957,
    0.18183528169531776, 0.18183528169531776,
    0.15314905365886383, 0.15314905365886383,
    0.1478795484466061, 0.1478795484466061,
  ],
  16,
);

// @ts-ignore: decorator
@inline
function bits(row: usize): v128 {
  return v128.load(BITS + row * VECTOR);
}

// @ts-ignore: decorator
@inline
function constant(row: usize): v128 {
  return v128.load(TABLE + row * VECTOR);
}

// @ts-ignore: decorator
@inline
function step(q: v128, z: v128, row: usize): v128 {
  return f64x2.add(f64x2.mul(q, z), constant(row));
}

/** log(x): −Infinity at ±0, NaN below 0, Infinity at Infinity. Subnormal numbers are scaled up first. */
// @ts-ignore: decorator
@inline
export function logVector(x: v128): v128 {
  const small = f64x2.lt(x, constant(SMALLEST));
  const normal = v128.bitselect(f64x2.mul(x, constant(UP)), x, small);
  const shifted = i64x2.add(normal, bits(BIAS)); // its exponent field holds k + 1024
  const biased = v128.or(i64x2.shr_u(shifted, 52), bits(MAGIC));
  const less = v128.and(small, constant(UP_BITS));
  const k = f64x2.sub(f64x2.sub(biased, constant(MAGIC_BIAS)), less);
  const m = i64x2.add(v128.and(shifted, bits(MANTISSA)), bits(ROOT_HALF));

  const f = f64x2.sub(m, constant(ONE));
  const s = f64x2.div(f, f64x2.add(constant(TWO), f));
  const z = f64x2.mul(s, s);
  const h = f64x2.mul(f64x2.mul(f, f), constant(HALF));
  const w = f64x2.mul(z, z);
  let even = step(constant(L + 6), w, L + 4);
  let odd = step(constant(L + 5), w, L + 3);
  even = step(even, w, L + 2);
  odd = step(odd, w, L + 1);
  even = step(even, w, L);
  const tail = f64x2.mul(z, f64x2.add(f64x2.mul(odd, z), even));

  const low = f64x2.add(f64x2.mul(s, f64x2.add(h, tail)), f64x2.mul(k, constant(LN2_TAIL)));
  const rest = f64x2.sub(f, f64x2.sub(h, low));
  const log = f64x2.add(f64x2.mul(k, constant(LN2_HEAD)), rest);

  const finite = v128.bitselect(log, x, f64x2.lt(x, constant(INFINITE))); // Infinity and NaN pass
  const zero = f64x2.splat(0);
  const real = v128.or(finite, f64x2.lt(x, zero)); // all bits set: NaN
  return v128.bitselect(constant(MINUS_INFINITE), real, f64x2.eq(x, zero));
}
