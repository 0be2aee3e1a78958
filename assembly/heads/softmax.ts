// Rows of logits to probabilities. Each row: its maximum, the exponentials of x − max and their sum, then the result.
// Sums: even elements in one lane, odd in the other, then the two together: the order depends on n alone.
// A NaN makes its row NaN. A row of −Infinity, or with an Infinity: softmax and log-softmax NaN, log-sum-exp ±Infinity.
// Tail rule: the lane past an odd n holds −Infinity, whose exponential is exactly 0; nothing outside an operand is touched.

import { expVector } from "../base/exp";
import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { logVector } from "../base/log";

function loadLogits(x: usize, live: usize): v128 {
  if (live >= lanes<f64>()) return v128.load(x);
  return v128.load64_lane(x, f64x2.splat(-Infinity), 0);
}

/** The largest of n elements, NaN left out: it comes back with the exponentials. */
export function rowMaximum(n: usize, x: usize): f64 {
  let max = f64x2.splat(-Infinity);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    max = f64x2.pmax(max, loadLogits(x + i * sizeof<f64>(), n - i)); // a comparison with NaN is false: keeps max
  }
  const even = f64x2.extract_lane(max, 0);
  const odd = f64x2.extract_lane(max, 1);
  return f64.max(even, odd);
}

function bothLanes(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Sets y to exp(x − shift), both (n), y may be x; returns the sum. */
export function rowExponentials(n: usize, shift: f64, x: usize, y: usize): f64 {
  const shifts = f64x2.splat(shift);
  let sum = f64x2.splat(0);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const e = expVector(f64x2.sub(loadLogits(x + i * sizeof<f64>(), n - i), shifts));
    sum = f64x2.add(sum, e);
    storeLanes<f64>(y + i * sizeof<f64>(), e, n - i);
  }
  return bothLanes(sum);
}

/** The same sum, bit for bit, with nothing written. */
export function rowSum(n: usize, shift: f64, x: usize): f64 {
  const shifts = f64x2.splat(shift);
  let sum = f64x2.splat(0);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    sum = f64x2.add(sum, expVector(f64x2.sub(loadLogits(x + i * sizeof<f64>(), n - i), shifts)));
  }
  return bothLanes(sum);
}

export function logOf(x: f64): f64 {
  return f64x2.extract_lane(logVector(f64x2.splat(x)), 0);
}

/**
 * y[r,j] = exp(x[r,j] − max_r) / Σ_j exp(x[r,j] − max_r).
 * x (rows, n) in; y (rows, n) set, may be x. n ≥ 1.
 */
export function softmax_rows(rows: usize, n: usize, x: usize, y: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const sum = f64x2.splat(rowExponentials(n, rowMaximum(n, x), x, y));
    for (let i: usize = 0; i < n; i += lanes<f64>()) {
      storeLanes<f64>(
        y + i * sizeof<f64>(),
        f64x2.div(loadLanes<f64>(y + i * sizeof<f64>(), n - i), sum),
        n - i,
      );
    }
    x += n * sizeof<f64>();
    y += n * sizeof<f64>();
  }
}

/**
 * y[r,j] = (x[r,j] − max_r) − log Σ_j exp(x[r,j] − max_r).
 * x (rows, n) in; y (rows, n) set, may be x. n ≥ 1.
 */
export function log_softmax_rows(rows: usize, n: usize, x: usize, y: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const max = rowMaximum(n, x);
    const shifts = f64x2.splat(max);
    const log = f64x2.splat(logOf(rowSum(n, max, x)));
    for (let i: usize = 0; i < n; i += lanes<f64>()) {
      const shifted = f64x2.sub(loadLanes<f64>(x + i * sizeof<f64>(), n - i), shifts);
      storeLanes<f64>(y + i * sizeof<f64>(), f64x2.sub(shifted, log), n - i);
    }
    x += n * sizeof<f64>();
    y += n * sizeof<f64>();
  }
}

/**
 * y[r] = max_r + log Σ_j exp(x[r,j] − max_r), where max_r counts as 0 if it is infinite.
 * x (rows, n) in; y (rows) set, may not overlap x. n ≥ 1.
 */
export function log_sum_exp_rows(rows: usize, n: usize, x: usize, y: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const max = rowMaximum(n, x);
    const shift = abs(max) === Infinity ? 0 : max;
    f64.store(y, shift + logOf(rowSum(n, shift, x)));
    x += n * sizeof<f64>();
    y += sizeof<f64>();
  }
}
