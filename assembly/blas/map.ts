// y[i] = f(x[i]) for i < n; x and y are (n), x in, y set; y may be x, and no other overlap is allowed. Tail rule: a value's
// bits depend neither on its place nor on n. Error, monotonicity and limits of each f: docs/numerics.md.

import { applyAll, EXP, LOG, SIGMOID, TANH } from "../base/apply";

/** `sigmoid_map` for the number type T. */
export function sigmoidMap<T>(n: usize, x: usize, y: usize): void {
  if (sizeof<T>() === 8) sigmoid_map(n, x, y);
  else sigmoid_map_f32(n, x, y);
}

/** `tanh_map` for the number type T. */
export function tanhMap<T>(n: usize, x: usize, y: usize): void {
  if (sizeof<T>() === 8) tanh_map(n, x, y);
  else tanh_map_f32(n, x, y);
}

/** f(x) = e^x. */
export function exp_map(n: usize, x: usize, y: usize): void {
  applyAll<f64>(EXP, n, x, y);
}

export function exp_map_f32(n: usize, x: usize, y: usize): void {
  applyAll<f32>(EXP, n, x, y);
}

/** f(x) = ln x. */
export function log_map(n: usize, x: usize, y: usize): void {
  applyAll<f64>(LOG, n, x, y);
}

/** f(x) = 1 / (1 + e^−x). */
export function sigmoid_map(n: usize, x: usize, y: usize): void {
  applyAll<f64>(SIGMOID, n, x, y);
}

export function sigmoid_map_f32(n: usize, x: usize, y: usize): void {
  applyAll<f32>(SIGMOID, n, x, y);
}

/** f(x) = tanh x. */
export function tanh_map(n: usize, x: usize, y: usize): void {
  applyAll<f64>(TANH, n, x, y);
}

export function tanh_map_f32(n: usize, x: usize, y: usize): void {
  applyAll<f32>(TANH, n, x, y);
}
