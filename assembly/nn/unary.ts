// One function of one number, element by element. Codes below 16 are the kinds of base/activations; ONNX's others follow.

import { sigmoid, tanh } from "../base/activate";
import { Kind, mapAll } from "../base/activations";
import { applyAll, EXP, SIGMOID, TANH } from "../base/apply";
import { expVector } from "../base/exp";
import { expSingle } from "../base/exp_f32";
import { loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { logVector } from "../base/log";

/** Mirrored by UNARY of src/graph/codes.ts. */
enum Unary {
  EXP = 16,
  LOG,
  SQRT,
  NEG,
  ABS,
  RECIPROCAL,
  SQUARE,
  ERF,
  /** x Φ(x), exact. */
  GELU,
  /** The tanh approximation of GELU. */
  GELU_TANH,
  /** x · hardSigmoid(x) with α = 1/6, β = 1/2. */
  HARD_SWISH,
  /** β (x where x > 0, else α (e^x − 1)). */
  SELU,
  /** At least α, at most β. */
  CLIP,
  FLOOR,
  CEIL,
  /** Halves to even. */
  ROUND,
  SIGN,
  NOT,
  SIN,
  COS,
  /** x · sigmoid(α x). */
  SWISH,
  /** x · tanh(ln(1 + e^x)). */
  MISH,
  IS_NAN,
}

function exponential<T>(x: v128): v128 {
  return sizeof<T>() === 8 ? expVector(x) : expSingle(x);
}

function logarithm<T>(x: v128): v128 {
  if (sizeof<T>() === 8) return logVector(x);
  const low = f32x4.demote_f64x2_zero(logVector(f64x2.promote_low_f32x4(x)));
  const upper = f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 0));
  return v128.shuffle<f64>(low, f32x4.demote_f64x2_zero(logVector(upper)), 0, 2);
}

/**
 * erf(x) to about 1 ulp: W. J. Cody's rational approximations (Math. Comp. 23, 1969), one scalar at a time. The tables of
 * coefficients are code, not memory.
 */
function erf(x: f64): f64 {
  const y = abs(x);
  if (y <= 0.46875) {
    const z = y > 1.11e-16 ? y * y : 0;
    let top = 1.85777706184603153e-1 * z;
    let bottom = z;
    top = (top + 3.1611237438705656) * z;
    bottom = (bottom + 2.36012909523441209e1) * z;
    top = (top + 1.13864154151050156e2) * z;
    bottom = (bottom + 2.44024637934444173e2) * z;
    top = (top + 3.77485237685302021e2) * z;
    bottom = (bottom + 1.28261652607737228e3) * z;
    return (x * (top + 3.20937758913846947e3)) / (bottom + 2.84423683343917062e3);
  }
  if (!(y < 6)) return y !== y ? x : copysign<f64>(1, x);
  let ratio: f64;
  if (y <= 4) {
    let top = 2.15311535474403846e-8 * y;
    let bottom = y;
    top = (top + 5.64188496988670089e-1) * y;
    bottom = (bottom + 1.57449261107098347e1) * y;
    top = (top + 8.88314979438837594) * y;
    bottom = (bottom + 1.17693950891312499e2) * y;
    top = (top + 6.61191906371416295e1) * y;
    bottom = (bottom + 5.37181101862009858e2) * y;
    top = (top + 2.98635138197400131e2) * y;
    bottom = (bottom + 1.62138957456669019e3) * y;
    top = (top + 8.8195222124176909e2) * y;
    bottom = (bottom + 3.29079923573345963e3) * y;
    top = (top + 1.71204761263407058e3) * y;
    bottom = (bottom + 4.36261909014324716e3) * y;
    top = (top + 2.05107837782607147e3) * y;
    bottom = (bottom + 3.43936767414372164e3) * y;
    ratio = (top + 1.23033935479799725e3) / (bottom + 1.23033935480374942e3);
  } else {
    const z = 1 / (y * y);
    let top = 1.63153871373020978e-2 * z;
    let bottom = z;
    top = (top + 3.05326634961232344e-1) * z;
    bottom = (bottom + 2.56852019228982242) * z;
    top = (top + 3.60344899949804439e-1) * z;
    bottom = (bottom + 1.87295284992346725) * z;
    top = (top + 1.25781726111229246e-1) * z;
    bottom = (bottom + 5.27905102951428412e-1) * z;
    top = (top + 1.60837851487422766e-2) * z;
    bottom = (bottom + 6.05183413124413191e-2) * z;
    ratio = (z * (top + 6.58749161529837803e-4)) / (bottom + 2.33520497626869185e-3);
    ratio = (5.6418958354775628695e-1 - ratio) / y;
  }
  // e^−y² in two factors: the first exponent is exact.
  const whole = Math.trunc(y * 16) / 16;
  const rest = (y - whole) * (y + whole);
  const left = f64x2.extract_lane(expVector(f64x2.splat(-whole * whole)), 0);
  const right = f64x2.extract_lane(expVector(f64x2.splat(-rest)), 0);
  const value = 0.5 - left * right * ratio + 0.5;
  return copysign<f64>(value, x);
}

/** Functions without a vector form. */
function scalarOf(code: i32, _alpha: f64, x: f64): f64 {
  if (code === Unary.ERF) return erf(x);
  if (code === Unary.GELU) return 0.5 * x * (1 + erf(x * 0.7071067811865475244));
  if (code === Unary.SIN) return NativeMath.sin(x);
  return NativeMath.cos(x);
}

function mapScalars<T>(code: i32, n: usize, alpha: f64, x: usize, y: usize): void {
  for (let at: usize = 0; at < n * sizeof<T>(); at += sizeof<T>()) {
    store<T>(y + at, <T>scalarOf(code, alpha, <f64>load<T>(x + at)));
  }
}

// @ts-ignore: decorator
@inline
function valueOf<T>(code: i32, a: v128, b: v128, x: v128): v128 {
  const zero = v128.splat<T>(<T>0);
  const one = v128.splat<T>(<T>1);
  if (code === Unary.LOG) return logarithm<T>(x);
  if (code === Unary.SQRT) return v128.sqrt<T>(x);
  if (code === Unary.NEG) return v128.neg<T>(x);
  if (code === Unary.ABS) return v128.abs<T>(x);
  if (code === Unary.RECIPROCAL) return v128.div<T>(one, x);
  if (code === Unary.SQUARE) return v128.mul<T>(x, x);
  if (code === Unary.GELU_TANH) {
    const cube = v128.mul<T>(v128.mul<T>(v128.mul<T>(x, x), x), v128.splat<T>(<T>0.044715));
    const inner = v128.mul<T>(v128.add<T>(x, cube), v128.splat<T>(<T>0.7978845608028654));
    const half = v128.mul<T>(x, v128.splat<T>(<T>0.5));
    return v128.mul<T>(half, v128.add<T>(one, tanh<T>(inner)));
  }
  if (code === Unary.HARD_SWISH) {
    const line = v128.add<T>(v128.div<T>(x, v128.splat<T>(<T>6)), v128.splat<T>(<T>0.5));
    return v128.mul<T>(x, v128.pmin<T>(v128.pmax<T>(line, zero), one));
  }
  if (code === Unary.SELU) {
    const below = v128.mul<T>(a, v128.sub<T>(exponential<T>(v128.pmin<T>(x, zero)), one));
    return v128.mul<T>(b, v128.bitselect(x, below, v128.gt<T>(x, zero)));
  }
  if (code === Unary.CLIP) {
    // A comparison with NaN is false, so that NaN passes.
    const low = v128.bitselect(a, x, v128.lt<T>(x, a));
    return v128.bitselect(b, low, v128.gt<T>(low, b));
  }
  if (code === Unary.FLOOR) return v128.floor<T>(x);
  if (code === Unary.CEIL) return v128.ceil<T>(x);
  if (code === Unary.ROUND) return v128.nearest<T>(x);
  if (code === Unary.SIGN) {
    const above = v128.and(one, v128.gt<T>(x, zero));
    const sign = v128.sub<T>(above, v128.and(one, v128.lt<T>(x, zero)));
    return v128.bitselect(sign, x, v128.eq<T>(x, x));
  }
  if (code === Unary.NOT) return v128.and(one, v128.eq<T>(x, zero));
  if (code === Unary.IS_NAN) return v128.and(one, v128.ne<T>(x, x));
  return v128.mul<T>(x, sigmoid<T>(v128.mul<T>(a, x))); // SWISH
}

// @ts-ignore: decorator
@inline
function mapLanes<T>(code: i32, n: usize, alpha: f64, beta: f64, x: usize, y: usize): void {
  const a = v128.splat<T>(<T>alpha);
  const b = v128.splat<T>(<T>beta);
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    storeLanes<T>(y + at, valueOf<T>(code, a, b, loadLanes<T>(x + at, live)), live);
  }
}

/** x · tanh(softplus(x)), the inner function through y, which must not be x. */
function mish<T>(n: usize, x: usize, y: usize): void {
  mapAll<T>(Kind.SOFTPLUS, n, 0, 0, x, y);
  applyAll<T>(TANH, n, y, y);
  const bytes = n * sizeof<T>();
  for (let at: usize = 0; at < bytes; at += VECTOR) {
    const live = (bytes - at) / sizeof<T>();
    const product = v128.mul<T>(loadLanes<T>(x + at, live), loadLanes<T>(y + at, live));
    storeLanes<T>(y + at, product, live);
  }
}

function map<T>(code: i32, n: usize, alpha: f64, beta: f64, x: usize, y: usize): void {
  switch (code) {
    case Kind.SIGMOID:
      return applyAll<T>(SIGMOID, n, x, y);
    case Kind.TANH:
      return applyAll<T>(TANH, n, x, y);
    case Unary.EXP:
      return applyAll<T>(EXP, n, x, y);
    case Kind.RELU:
      return mapAll<T>(Kind.RELU, n, alpha, beta, x, y);
    case Kind.AFFINE:
      return mapAll<T>(Kind.AFFINE, n, alpha, beta, x, y);
    case Kind.LEAKY_RELU:
      return mapAll<T>(Kind.LEAKY_RELU, n, alpha, beta, x, y);
    case Kind.THRESHOLDED_RELU:
      return mapAll<T>(Kind.THRESHOLDED_RELU, n, alpha, beta, x, y);
    case Kind.SCALED_TANH:
      return mapAll<T>(Kind.SCALED_TANH, n, alpha, beta, x, y);
    case Kind.HARD_SIGMOID:
      return mapAll<T>(Kind.HARD_SIGMOID, n, alpha, beta, x, y);
    case Kind.ELU:
      return mapAll<T>(Kind.ELU, n, alpha, beta, x, y);
    case Kind.SOFTSIGN:
      return mapAll<T>(Kind.SOFTSIGN, n, alpha, beta, x, y);
    case Kind.SOFTPLUS:
      return mapAll<T>(Kind.SOFTPLUS, n, alpha, beta, x, y);
    case Unary.LOG:
      return mapLanes<T>(Unary.LOG, n, alpha, beta, x, y);
    case Unary.SQRT:
      return mapLanes<T>(Unary.SQRT, n, alpha, beta, x, y);
    case Unary.NEG:
      return mapLanes<T>(Unary.NEG, n, alpha, beta, x, y);
    case Unary.ABS:
      return mapLanes<T>(Unary.ABS, n, alpha, beta, x, y);
    case Unary.RECIPROCAL:
      return mapLanes<T>(Unary.RECIPROCAL, n, alpha, beta, x, y);
    case Unary.SQUARE:
      return mapLanes<T>(Unary.SQUARE, n, alpha, beta, x, y);
    case Unary.GELU_TANH:
      return mapLanes<T>(Unary.GELU_TANH, n, alpha, beta, x, y);
    case Unary.HARD_SWISH:
      return mapLanes<T>(Unary.HARD_SWISH, n, alpha, beta, x, y);
    case Unary.SELU:
      return mapLanes<T>(Unary.SELU, n, alpha, beta, x, y);
    case Unary.CLIP:
      return mapLanes<T>(Unary.CLIP, n, alpha, beta, x, y);
    case Unary.FLOOR:
      return mapLanes<T>(Unary.FLOOR, n, alpha, beta, x, y);
    case Unary.CEIL:
      return mapLanes<T>(Unary.CEIL, n, alpha, beta, x, y);
    case Unary.ROUND:
      return mapLanes<T>(Unary.ROUND, n, alpha, beta, x, y);
    case Unary.SIGN:
      return mapLanes<T>(Unary.SIGN, n, alpha, beta, x, y);
    case Unary.NOT:
      return mapLanes<T>(Unary.NOT, n, alpha, beta, x, y);
    case Unary.IS_NAN:
      return mapLanes<T>(Unary.IS_NAN, n, alpha, beta, x, y);
    case Unary.SWISH:
      return mapLanes<T>(Unary.SWISH, n, alpha, beta, x, y);
    case Unary.MISH:
      return mish<T>(n, x, y);
    default:
      return mapScalars<T>(code, n, alpha, x, y);
  }
}

/**
 * y[i] = f(x[i]) for i < n.
 *
 * - item:         bytes of one number
 * - code:         f: a kind of base/activations, or a code above
 * - alpha, beta:  its parameters
 * - x:            in; (n)
 * - y:            out, set; (n); may be x itself, but not for MISH
 *
 * Tail: the last lanes go alone through the same arithmetic.
 */
export function unary_map(
  item: usize,
  code: i32,
  n: usize,
  alpha: f64,
  beta: f64,
  x: usize,
  y: usize,
): void {
  if (item === 8) map<f64>(code, n, alpha, beta, x, y);
  else map<f32>(code, n, alpha, beta, x, y);
}
