// The norm of a gradient, and its limits.

import { lanes, loadDoubles, loadLanes, storeLanes } from "../base/lanes";

/**
 * Σ x[i]². The even elements are summed in one lane and the odd ones in the other, so that the order depends on n alone.
 * The sum is f64.
 *
 * - x:  in; (n)
 */
export function sum_squares<T>(n: usize, x: usize): f64 {
  let sum = f64x2.splat(0);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const value = loadDoubles<T>(x + i * sizeof<T>(), n - i);
    sum = f64x2.add(sum, f64x2.mul(value, value));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * x[i] = factor·x[i].
 *
 * - x:  in/out; (n)
 */
export function scale_map<T>(n: usize, factor: f64, x: usize): void {
  const factors = v128.splat<T>(<T>factor);
  for (let i: usize = 0; i < n; i += lanes<T>()) {
    const at = x + i * sizeof<T>();
    storeLanes<T>(at, v128.mul<T>(factors, loadLanes<T>(at, n - i)), n - i);
  }
}

/**
 * x[i] held within −limit … limit; NaN stays.
 *
 * - x:  in/out; (n)
 */
export function clamp_map<T>(n: usize, limit: f64, x: usize): void {
  const high = v128.splat<T>(<T>limit);
  const low = v128.splat<T>(<T>-limit);
  for (let i: usize = 0; i < n; i += lanes<T>()) {
    const at = x + i * sizeof<T>();
    const value = loadLanes<T>(at, n - i);
    storeLanes<T>(at, v128.max<T>(v128.min<T>(value, high), low), n - i);
  }
}
