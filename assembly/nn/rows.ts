// What a row of numbers becomes as a whole: softmax, normalisation, magnitude.

import { expVector } from "../base/exp";
import { expSingle } from "../base/exp_f32";
import { lanes, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { logVector } from "../base/log";

function maximumOf<T>(n: usize, x: usize): T {
  let most = -Infinity as T;
  for (let i: usize = 0; i < n; i++) most = max<T>(most, load<T>(x + i * sizeof<T>()));
  return most;
}

/** y = exp(x − shift); returns the sum in f64. */
function exponentials<T>(n: usize, shift: T, x: usize, y: usize): f64 {
  const shifts = v128.splat<T>(shift);
  for (let i: usize = 0; i < n; i += lanes<T>()) {
    const at = i * sizeof<T>();
    const from = v128.sub<T>(loadLanes<T>(x + at, n - i), shifts);
    storeLanes<T>(y + at, sizeof<T>() === 8 ? expVector(from) : expSingle(from), n - i);
  }
  let sum: f64 = 0;
  for (let i: usize = 0; i < n; i++) sum += <f64>load<T>(y + i * sizeof<T>());
  return sum;
}

function softmax<T>(log: i32, rows: usize, n: usize, x: usize, y: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const most = maximumOf<T>(n, x);
    const sum = exponentials<T>(n, most, x, y);
    if (log) {
      const rest = <f64>most + f64x2.extract_lane(logVector(f64x2.splat(sum)), 0);
      for (let i: usize = 0; i < n; i++) {
        const at = i * sizeof<T>();
        store<T>(y + at, <T>(<f64>load<T>(x + at) - rest));
      }
    } else {
      for (let i: usize = 0; i < n; i++) {
        const at = i * sizeof<T>();
        store<T>(y + at, <T>(<f64>load<T>(y + at) / sum));
      }
    }
    x += n * sizeof<T>();
    y += n * sizeof<T>();
  }
}

/**
 * y[r, j] = exp(x[r, j]) / Σ exp(x[r, ·]), or its logarithm if `log` is 1; the sum in f64.
 *
 * - item:     bytes of one number
 * - rows, n:  extents, n ≥ 1
 * - x:        in; (rows, n)
 * - y:        out, set; (rows, n); must not overlap x
 */
export function softmax_all(
  item: usize,
  log: i32,
  rows: usize,
  n: usize,
  x: usize,
  y: usize,
): void {
  if (item === 8) softmax<f64>(log, rows, n, x, y);
  else softmax<f32>(log, rows, n, x, y);
}

/** Two numbers as f64. */
// @ts-ignore: decorator
@inline
function loadTwo<T>(at: usize): v128 {
  return sizeof<T>() === 8 ? v128.load(at) : f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** 1 / the deviation of n numbers whose squared distances from the mean sum to `squares`. */
// @ts-ignore: decorator
@inline
function factorOf(squares: f64, n: usize, epsilon: f64): f64 {
  return 1 / sqrt<f64>(squares / <f64>n + epsilon);
}

/** One row, once its mean and factor are known: each number as by itself, two at a time. */
function scaleRow<T>(
  n: usize,
  mean: f64,
  factor: f64,
  x: usize,
  scale: usize,
  bias: usize,
  y: usize,
): void {
  const means = f64x2.splat(mean);
  const factors = f64x2.splat(factor);
  const paired = (n - (n % 2)) * sizeof<T>();
  let at: usize = 0;
  for (; at < paired; at += 2 * sizeof<T>()) {
    let value = f64x2.mul(f64x2.sub(loadTwo<T>(x + at), means), factors);
    if (scale !== 0) value = f64x2.mul(value, loadTwo<T>(scale + at));
    if (bias !== 0) value = f64x2.add(value, loadTwo<T>(bias + at));
    if (sizeof<T>() === 8) v128.store(y + at, value);
    else v128.store64_lane(y + at, f32x4.demote_f64x2_zero(value), 0);
  }
  if (at === n * sizeof<T>()) return;
  let value = (<f64>load<T>(x + at) - mean) * factor;
  if (scale !== 0) value *= <f64>load<T>(scale + at);
  if (bias !== 0) value += <f64>load<T>(bias + at);
  store<T>(y + at, <T>value);
}

function normalise<T>(
  rows: usize,
  n: usize,
  epsilon: f64,
  x: usize,
  scale: usize,
  bias: usize,
  y: usize,
): void {
  const bytes = n * sizeof<T>();
  const count = <f64>n;
  let r: usize = 0;
  // Four rows at a time: each sum is one chain, and four chains wait for one another's additions only.
  for (; r + 4 <= rows; r += 4) {
    const x1 = x + bytes;
    const x2 = x1 + bytes;
    const x3 = x2 + bytes;
    let m0: f64 = 0;
    let m1: f64 = 0;
    let m2: f64 = 0;
    let m3: f64 = 0;
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) {
      m0 += <f64>load<T>(x + at);
      m1 += <f64>load<T>(x1 + at);
      m2 += <f64>load<T>(x2 + at);
      m3 += <f64>load<T>(x3 + at);
    }
    m0 /= count;
    m1 /= count;
    m2 /= count;
    m3 /= count;
    let s0: f64 = 0;
    let s1: f64 = 0;
    let s2: f64 = 0;
    let s3: f64 = 0;
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) {
      const d0 = <f64>load<T>(x + at) - m0;
      const d1 = <f64>load<T>(x1 + at) - m1;
      const d2 = <f64>load<T>(x2 + at) - m2;
      const d3 = <f64>load<T>(x3 + at) - m3;
      s0 += d0 * d0;
      s1 += d1 * d1;
      s2 += d2 * d2;
      s3 += d3 * d3;
    }
    scaleRow<T>(n, m0, factorOf(s0, n, epsilon), x, scale, bias, y);
    scaleRow<T>(n, m1, factorOf(s1, n, epsilon), x1, scale, bias, y + bytes);
    scaleRow<T>(n, m2, factorOf(s2, n, epsilon), x2, scale, bias, y + 2 * bytes);
    scaleRow<T>(n, m3, factorOf(s3, n, epsilon), x3, scale, bias, y + 3 * bytes);
    x += 4 * bytes;
    y += 4 * bytes;
  }
  for (; r < rows; r++) {
    let mean: f64 = 0;
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) mean += <f64>load<T>(x + at);
    mean /= count;
    let squares: f64 = 0;
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) {
      const d = <f64>load<T>(x + at) - mean;
      squares += d * d;
    }
    scaleRow<T>(n, mean, factorOf(squares, n, epsilon), x, scale, bias, y);
    x += bytes;
    y += bytes;
  }
}

/**
 * y[r, j] = (x[r, j] − mean) / √(variance + ε) · scale[j] + bias[j], mean and variance of row r, in f64.
 *
 * - item:         bytes of one number
 * - rows, n:      extents, n ≥ 1
 * - x:            in; (rows, n)
 * - scale, bias:  in; (n), or 0 (no pointer)
 * - y:            out, set; (rows, n); may be x itself
 */
export function normalise_rows(
  item: usize,
  rows: usize,
  n: usize,
  epsilon: f64,
  x: usize,
  scale: usize,
  bias: usize,
  y: usize,
): void {
  if (item === 8) normalise<f64>(rows, n, epsilon, x, scale, bias, y);
  else normalise<f32>(rows, n, epsilon, x, scale, bias, y);
}

function magnitude<T>(
  rows: usize,
  n: usize,
  lda: usize,
  ldb: usize,
  ldy: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  const bytes = n * sizeof<T>();
  for (let r: usize = 0; r < rows; r++) {
    for (let at: usize = 0; at < bytes; at += VECTOR) {
      const live = (bytes - at) / sizeof<T>();
      const u = loadLanes<T>(a + at, live);
      const v = loadLanes<T>(b + at, live);
      const sum = v128.add<T>(v128.mul<T>(u, u), v128.mul<T>(v, v));
      storeLanes<T>(y + at, v128.sqrt<T>(sum), live);
    }
    a += lda * sizeof<T>();
    b += ldb * sizeof<T>();
    y += ldy * sizeof<T>();
  }
}

/**
 * y[r, j] = √(a[r, j]² + b[r, j]²): the magnitude of a complex spectrum.
 *
 * - item:           bytes of one number
 * - rows, n:        extents
 * - lda, ldb, ldy:  elements from row to row
 * - a, b:           in
 * - y:              out, set; must not overlap a or b
 */
export function magnitude_rows(
  item: usize,
  rows: usize,
  n: usize,
  lda: usize,
  ldb: usize,
  ldy: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  if (item === 8) magnitude<f64>(rows, n, lda, ldb, ldy, a, b, y);
  else magnitude<f32>(rows, n, lda, ldb, ldy, a, b, y);
}
