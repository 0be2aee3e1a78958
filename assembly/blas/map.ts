// y[i] = f(x[i]) for i < n; x and y are (n), x in, y set; y may be x, and no other overlap is allowed. Tail rule: a value's
// bits depend neither on its place nor on n. Error, monotonicity and limits of each f: docs/numerics.md.
// Two vectors a turn: the loads of the constants serve both, 5 to 15 % faster than one (V8 11, x64, 2026).

import { sigmoid, tanh } from "../base/activate";
import { expVector } from "../base/exp";
import { ITEM, lanes, loadLanes, storeLanes, VECTOR } from "../base/lanes";
import { logVector } from "../base/log";

/** f(x) = e^x. */
export function exp_map(n: usize, x: usize, y: usize): void {
  const end = x + n * ITEM;
  const pairs = x + (n & ~3) * ITEM;
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = expVector(v128.load(x));
    const second = expVector(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / ITEM;
    storeLanes<f64>(y, expVector(loadLanes<f64>(x, live)), live);
  }
}

/** f(x) = ln x. */
export function log_map(n: usize, x: usize, y: usize): void {
  const end = x + n * ITEM;
  const pairs = x + (n & ~3) * ITEM;
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = logVector(v128.load(x));
    const second = logVector(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / ITEM;
    storeLanes<f64>(y, logVector(loadLanes<f64>(x, live)), live);
  }
}

/** f(x) = 1 / (1 + e^−x). */
export function sigmoidMap<T>(n: usize, x: usize, y: usize): void {
  const width = lanes<T>();
  const end = x + n * sizeof<T>();
  const pairs = x + (n & ~(2 * width - 1)) * sizeof<T>();
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = sigmoid<T>(v128.load(x));
    const second = sigmoid<T>(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / sizeof<T>();
    storeLanes<T>(y, sigmoid<T>(loadLanes<T>(x, live)), live);
  }
}

export function sigmoid_map(n: usize, x: usize, y: usize): void {
  sigmoidMap<f64>(n, x, y);
}

export function sigmoid_map_f32(n: usize, x: usize, y: usize): void {
  sigmoidMap<f32>(n, x, y);
}

/** f(x) = tanh x. */
export function tanhMap<T>(n: usize, x: usize, y: usize): void {
  const width = lanes<T>();
  const end = x + n * sizeof<T>();
  const pairs = x + (n & ~(2 * width - 1)) * sizeof<T>();
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = tanh<T>(v128.load(x));
    const second = tanh<T>(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / sizeof<T>();
    storeLanes<T>(y, tanh<T>(loadLanes<T>(x, live)), live);
  }
}

export function tanh_map(n: usize, x: usize, y: usize): void {
  tanhMap<f64>(n, x, y);
}

export function tanh_map_f32(n: usize, x: usize, y: usize): void {
  tanhMap<f32>(n, x, y);
}
