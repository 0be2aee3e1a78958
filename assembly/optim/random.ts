// Random numbers of a seed (base/random.ts), and dropout.

import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { seedOf, uniformAt } from "../base/random";

/**
 * y[i] = uniform number `first` + i of the seed, in [0, 1).
 *
 * - low, high:  the seed's halves
 * - first:      an integer in 0 … 2^53
 * - y:          out, set; (n)
 */
export function random_map(n: usize, low: u32, high: u32, first: f64, y: usize): void {
  const seed = seedOf(low, high);
  for (let i: usize = 0; i < n; i++) {
    store<f64>(y + i * sizeof<f64>(), uniformAt(seed, <u64>first + i));
  }
}

/**
 * y[i] = 1 / (1 − p), or 0 with probability p: if number `first` + i of the seed is below p.
 *
 * - p:  in 0 … 1, below 1
 * - y:  out, set; (n)
 */
export function dropout_mask<T>(n: usize, p: f64, low: u32, high: u32, first: f64, y: usize): void {
  const seed = seedOf(low, high);
  const kept = 1 / (1 - p);
  for (let i: usize = 0; i < n; i++) {
    const isDropped = uniformAt(seed, <u64>first + i) < p;
    store<T>(y + i * sizeof<T>(), isDropped ? <T>0 : <T>kept);
  }
}

/**
 * y[i] = a[i]·b[i].
 *
 * - a, b:  in; (n)
 * - y:     out, set; (n); may be a or b itself
 */
export function multiply_map<T>(n: usize, a: usize, b: usize, y: usize): void {
  for (let i: usize = 0; i < n; i += lanes<T>()) {
    const at = i * sizeof<T>();
    const product = v128.mul<T>(loadLanes<T>(a + at, n - i), loadLanes<T>(b + at, n - i));
    storeLanes<T>(y + at, product, n - i);
  }
}
