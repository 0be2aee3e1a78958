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

function normalise<T>(
  rows: usize,
  n: usize,
  epsilon: f64,
  x: usize,
  scale: usize,
  bias: usize,
  y: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    let mean: f64 = 0;
    for (let i: usize = 0; i < n; i++) mean += <f64>load<T>(x + i * sizeof<T>());
    mean /= <f64>n;
    let variance: f64 = 0;
    for (let i: usize = 0; i < n; i++) {
      const d = <f64>load<T>(x + i * sizeof<T>()) - mean;
      variance += d * d;
    }
    const factor = 1 / sqrt<f64>(variance / <f64>n + epsilon);
    for (let i: usize = 0; i < n; i++) {
      const at = i * sizeof<T>();
      let value = (<f64>load<T>(x + at) - mean) * factor;
      if (scale !== 0) value *= <f64>load<T>(scale + at);
      if (bias !== 0) value += <f64>load<T>(bias + at);
      store<T>(y + at, <T>value);
    }
    x += n * sizeof<T>();
    y += n * sizeof<T>();
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
