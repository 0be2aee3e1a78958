// y[i] = f(x[i]) for i < n; x and y are (n), x in, y set; y may be x, and no other overlap is allowed. Tail rule: a value's
// bits depend neither on its place nor on n. Error, monotonicity and limits of each f: docs/numerics.md.

import { applyAll, EXP, LOG, SIGMOID, TANH } from "../base/apply";

/** f(x) = e^x. */
export function exp_map<T>(n: usize, x: usize, y: usize): void {
  applyAll<T>(EXP, n, x, y);
}

/** f(x) = ln x. */
export function log_map(n: usize, x: usize, y: usize): void {
  applyAll<f64>(LOG, n, x, y);
}

/** f(x) = 1 / (1 + e^−x). */
export function sigmoid_map<T>(n: usize, x: usize, y: usize): void {
  applyAll<T>(SIGMOID, n, x, y);
}

/** f(x) = tanh x. */
export function tanh_map<T>(n: usize, x: usize, y: usize): void {
  applyAll<T>(TANH, n, x, y);
}
