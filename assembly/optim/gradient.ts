// The norm of a gradient, and its limits.

import { lanes, loadLanes, storeLanes } from "../base/lanes";

/**
 * Σ x[i]². The even elements are summed in one lane and the odd ones in the other, so that the order depends on n alone.
 *
 * - x:  in; (n)
 */
export function sum_squares(n: usize, x: usize): f64 {
  let sum = f64x2.splat(0);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const value = loadLanes<f64>(x + i * sizeof<f64>(), n - i);
    sum = f64x2.add(sum, f64x2.mul(value, value));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * x[i] = factor·x[i].
 *
 * - x:  in/out; (n)
 */
export function scale_map(n: usize, factor: f64, x: usize): void {
  const factors = f64x2.splat(factor);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = x + i * sizeof<f64>();
    storeLanes<f64>(at, f64x2.mul(factors, loadLanes<f64>(at, n - i)), n - i);
  }
}

/**
 * x[i] held within −limit … limit; NaN stays.
 *
 * - x:  in/out; (n)
 */
export function clamp_map(n: usize, limit: f64, x: usize): void {
  const high = f64x2.splat(limit);
  const low = f64x2.splat(-limit);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const at = x + i * sizeof<f64>();
    const value = loadLanes<f64>(at, n - i);
    storeLanes<f64>(at, f64x2.max(f64x2.min(value, high), low), n - i);
  }
}
