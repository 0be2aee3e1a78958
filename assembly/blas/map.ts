// y[i] = f(x[i]) for i < n; x and y are (n), x in, y set; y may be x, and no other overlap is allowed. Tail rule: a value's
// bits depend neither on its place nor on n. Error, monotonicity and limits of each f: docs/numerics.md.
// Two vectors a turn: the loads of the constants serve both, 5 to 15 % faster than one (V8 11, x64, 2026).

import { sigmoidVector, tanhVector } from "../base/activate";
import { expVector } from "../base/exp";
import { ITEM, loadLanes, storeLanes, VECTOR } from "../base/lanes";
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
export function sigmoid_map(n: usize, x: usize, y: usize): void {
  const end = x + n * ITEM;
  const pairs = x + (n & ~3) * ITEM;
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = sigmoidVector(v128.load(x));
    const second = sigmoidVector(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / ITEM;
    storeLanes<f64>(y, sigmoidVector(loadLanes<f64>(x, live)), live);
  }
}

/** f(x) = tanh x. */
export function tanh_map(n: usize, x: usize, y: usize): void {
  const end = x + n * ITEM;
  const pairs = x + (n & ~3) * ITEM;
  for (; x < pairs; x += 2 * VECTOR, y += 2 * VECTOR) {
    const first = tanhVector(v128.load(x));
    const second = tanhVector(v128.load(x, VECTOR));
    v128.store(y, first);
    v128.store(y, second, VECTOR);
  }
  for (; x < end; x += VECTOR, y += VECTOR) {
    const live = (end - x) / ITEM;
    storeLanes<f64>(y, tanhVector(loadLanes<f64>(x, live)), live);
  }
}
