// y[i] = f(x[i]), element by element. The contract of all:
//
// - x:  in; (n)
// - y:  out, set; (n); may be x itself, no other overlap
//
// Tail: the bits of y[i] depend on x[i] alone, not on i or n. Error and limits of each f: docs/numerics.md.

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
