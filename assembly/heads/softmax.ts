// From rows of logits to probabilities. Each row: its maximum, the exponentials of x − max and their sum, then the result.
//
// - Sums: even elements in one lane, odd elements in the other, then both, so the order depends on n alone.
// - A NaN makes its row NaN. A row of −Infinity, or with +Infinity, has softmax and log-softmax NaN, and log-sum-exp ±Infinity.
// - Tail: for odd n the second lane of the last vector is −Infinity, whose exponential is exactly 0. Nothing outside an operand
//   is read or written.

import { expVector } from "../base/exp";
import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { logVector } from "../base/log";

function loadLogits(x: usize, live: usize): v128 {
  if (live >= lanes<f64>()) return v128.load(x);
  return v128.load64_lane(x, f64x2.splat(-Infinity), 0);
}

/** The largest of n elements. NaN is skipped here; the exponentials bring it back. */
export function rowMaximum(n: usize, x: usize): f64 {
  let max = f64x2.splat(-Infinity);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    max = f64x2.pmax(max, loadLogits(x + i * sizeof<f64>(), n - i)); // a comparison with NaN is false, so max stays
  }
  const even = f64x2.extract_lane(max, 0);
  const odd = f64x2.extract_lane(max, 1);
  return f64.max(even, odd);
}

function bothLanes(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Sets y to exp(x − shift) and returns the sum. Both are (n); y may be x. */
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

/** The sum of `rowExponentials`, with the same bits, without writing them. */
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
 *
 * - x:  in; (rows, n), n ≥ 1
 * - y:  out, set; (rows, n); may be x itself
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
 *
 * - x:  in; (rows, n), n ≥ 1
 * - y:  out, set; (rows, n); may be x itself
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
 * y[r] = max_r + log Σ_j exp(x[r,j] − max_r); an infinite max_r is replaced by 0.
 *
 * - x:  in; (rows, n), n ≥ 1
 * - y:  out, set; (rows); must not overlap x
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
