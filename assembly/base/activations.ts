// The activations of general cells: the ones that ONNX lists. A cell reads its choice from a record of f64, which is the same in
// both number types:
//
//     | clip | kind α β | kind α β | kind α β |
//              f          g          h
//
// The arguments of f and g are clamped to −clip … clip; clip = Infinity clamps nothing. The argument of h is never clamped,
// because onnxruntime (1.17) clamps the gates' pre-activations only, not the cell state c. A NaN stays a NaN. Errors of each
// function: docs/numerics.md.

import { sigmoid, tanh } from "./activate";
import { expVector } from "./exp";
import { expSingle } from "./exp_f32";
import { addProduct, loadLanes, storeLanes, VECTOR } from "./lanes";
import { logVector } from "./log";

/** Indices of the functions in a record. */
export const F: i32 = 0;
export const G: i32 = 1;
export const H: i32 = 2;

/** Kinds of function, and the role of α and β in each. */
export const enum Kind {
  SIGMOID,
  TANH,
  RELU,
  /** αx + β */
  AFFINE,
  /** αx below 0 */
  LEAKY_RELU,
  /** x above α, else 0; 0 at α itself, as in onnxruntime and in ONNX's operator of that name */
  THRESHOLDED_RELU,
  /** α tanh(βx) */
  SCALED_TANH,
  /** αx + β, at least 0 and at most 1 */
  HARD_SIGMOID,
  /** α(e^x − 1) below 0 */
  ELU,
  /** x / (1 + |x|) */
  SOFTSIGN,
  /** ln(1 + e^x) */
  SOFTPLUS,
  IDENTITY,
}

/** The address of function `which` of a record: its kind, α and β. */
function entry(activations: usize, which: i32): usize {
  return activations + (1 + 3 * <usize>which) * sizeof<f64>();
}

export function kindOf(activations: usize, which: i32): i32 {
  const kind = <i32>f64.load(entry(activations, which));
  assert(kind >= Kind.SIGMOID && kind <= Kind.IDENTITY, "activations: no such kind");
  return kind;
}

export function alphaOf(activations: usize, which: i32): f64 {
  return f64.load(entry(activations, which), 8);
}

export function betaOf(activations: usize, which: i32): f64 {
  return f64.load(entry(activations, which), 16);
}

/** The bound of the argument of function `which`. */
export function clipOf(activations: usize, which: i32): f64 {
  return which == H ? Infinity : f64.load(activations);
}

// Long functions that few cells use are calls: inlined at each use they would be a sixth of the module.

function exponential<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? expVector(x) : expSingle(x);
}

function tangent<T>(x: v128): v128 {
  return tanh<T>(x);
}

/**
 * ln(1 + e^x) = max(x, 0) + ln(1 + u), u = e^−|x|. With w = 1 + u as rounded, ln(1 + u) = ln(w)·u / (w − 1), in which the two
 * roundings cancel.
 */
function softplusVector(x: v128): v128 {
  const one = f64x2.splat(1);
  const u = exponential<f64>(f64x2.neg(f64x2.abs(x)));
  const w = f64x2.add(one, u);
  const log = f64x2.div(f64x2.mul(logVector(w), u), f64x2.sub(w, one));
  const rest = v128.bitselect(u, log, f64x2.eq(w, one));
  return f64x2.add(f64x2.pmax(x, f64x2.splat(0)), rest); // a NaN stays
}

/** In f32 it is computed in f64, two lanes at a time. */
// @ts-ignore: decorator
@inline
function softplus<T>(x: v128): v128 {
  if (sizeof<T>() == 8) return softplusVector(x);
  const low = softplusVector(f64x2.promote_low_f32x4(x));
  const high = softplusVector(f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 0)));
  const left = f32x4.demote_f64x2_zero(low);
  return v128.shuffle<f64>(left, f32x4.demote_f64x2_zero(high), 0, 2);
}

/** e^x − 1 for x ≤ 0 as 2t / (1 − t), t = tanh(x / 2), which has no cancellation. */
// @ts-ignore: decorator
@inline
function expm1<T>(x: v128): v128 {
  const t = tangent<T>(v128.mul<T>(x, v128.splat<T>(<T>0.5)));
  return v128.div<T>(v128.add<T>(t, t), v128.sub<T>(v128.splat<T>(<T>1), t));
}

/** x / (1 + |x|). The largest finite number replaces Infinity, whose quotient would be NaN. */
// @ts-ignore: decorator
@inline
function softsign<T>(x: v128): v128 {
  const most = v128.splat<T>(sizeof<T>() == 8 ? <T>f64.MAX_VALUE : <T>f32.MAX_VALUE);
  const finite = v128.pmax<T>(v128.pmin<T>(x, most), v128.neg<T>(most));
  return v128.div<T>(finite, v128.add<T>(v128.splat<T>(<T>1), v128.abs<T>(finite)));
}

/** The function of this kind at x. `kind` is a compile-time constant; sigmoid and tanh have maps of their own. */
// @ts-ignore: decorator
@inline
function valueOf<T>(kind: i32, alpha: v128, beta: v128, x: v128): v128 {
  const zero = v128.splat<T>(<T>0);
  if (kind == Kind.RELU) return v128.pmax<T>(x, zero);
  if (kind == Kind.AFFINE) return addProduct<T>(beta, alpha, x);
  if (kind == Kind.LEAKY_RELU) {
    return v128.bitselect(v128.mul<T>(alpha, x), x, v128.lt<T>(x, zero));
  }
  if (kind == Kind.THRESHOLDED_RELU) return v128.andnot(x, v128.le<T>(x, alpha));
  if (kind == Kind.SCALED_TANH) return v128.mul<T>(alpha, tangent<T>(v128.mul<T>(beta, x)));
  if (kind == Kind.HARD_SIGMOID) {
    const line = addProduct<T>(beta, alpha, x);
    return v128.pmin<T>(v128.pmax<T>(line, zero), v128.splat<T>(<T>1));
  }
  if (kind == Kind.ELU) {
    return v128.bitselect(v128.mul<T>(alpha, expm1<T>(x)), x, v128.lt<T>(x, zero));
  }
  if (kind == Kind.SOFTSIGN) return softsign<T>(x);
  return kind == Kind.SOFTPLUS ? softplus<T>(x) : x;
}

/** The derivative of the function of this kind at x; y is the function's value at x. */
// @ts-ignore: decorator
@inline
function slopeOf<T>(kind: i32, alpha: v128, beta: v128, x: v128, y: v128): v128 {
  const zero = v128.splat<T>(<T>0);
  const one = v128.splat<T>(<T>1);
  if (kind == Kind.SIGMOID) return v128.mul<T>(y, v128.sub<T>(one, y));
  if (kind == Kind.TANH) return v128.sub<T>(one, v128.mul<T>(y, y));
  if (kind == Kind.RELU) return v128.and(one, v128.gt<T>(x, zero));
  if (kind == Kind.AFFINE) return alpha;
  if (kind == Kind.LEAKY_RELU) return v128.bitselect(alpha, one, v128.lt<T>(x, zero));
  if (kind == Kind.THRESHOLDED_RELU) return v128.and(one, v128.gt<T>(x, alpha));
  if (kind == Kind.SCALED_TANH) {
    const t = tangent<T>(v128.mul<T>(beta, x)); // not y / α: α may be 0
    return v128.mul<T>(v128.mul<T>(alpha, beta), v128.sub<T>(one, v128.mul<T>(t, t)));
  }
  if (kind == Kind.HARD_SIGMOID) {
    return v128.and(alpha, v128.and(v128.gt<T>(y, zero), v128.lt<T>(y, one)));
  }
  if (kind == Kind.ELU) {
    return v128.bitselect(v128.mul<T>(alpha, exponential<T>(x)), one, v128.lt<T>(x, zero));
  }
  if (kind == Kind.SOFTSIGN) {
    const d = v128.add<T>(one, v128.abs<T>(x));
    return v128.div<T>(one, v128.mul<T>(d, d));
  }
  return kind == Kind.SOFTPLUS ? sigmoid<T>(x) : one;
}

/** y[i] = f(x[i]) for i < n. */
// @ts-ignore: decorator
@inline
export function mapAll<T>(kind: i32, n: usize, alpha: f64, beta: f64, x: usize, y: usize): void {
  const a = v128.splat<T>(<T>alpha);
  const b = v128.splat<T>(<T>beta);
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    storeLanes<T>(y + at, valueOf<T>(kind, a, b, loadLanes<T>(x + at, live)), live);
  }
}

/** d[i] *= f'(x[i]) for i < n; y[i] is f(x[i]), and f' is 0 where |x[i]| > clip. */
// @ts-ignore: decorator
@inline
export function scaleAll<T>(
  kind: i32,
  n: usize,
  clip: f64,
  alpha: f64,
  beta: f64,
  x: usize,
  y: usize,
  d: usize,
): void {
  const a = v128.splat<T>(<T>alpha);
  const b = v128.splat<T>(<T>beta);
  const high = v128.splat<T>(<T>clip);
  const low = v128.splat<T>(<T>-clip);
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const from = loadLanes<T>(x + at, live);
    const beyond = v128.or(v128.lt<T>(from, low), v128.gt<T>(from, high));
    const slope = slopeOf<T>(kind, a, b, from, loadLanes<T>(y + at, live));
    const gradient = loadLanes<T>(d + at, live);
    storeLanes<T>(d + at, v128.mul<T>(gradient, v128.andnot(slope, beyond)), live);
  }
}
