import { lanes, loadLanes, storeLanes } from "../base/lanes";

/**
 * target[index[r]] += source[r], r ascending: the derivative of gather_rows. The sum is never split.
 *
 * - rows, n:  rows of source, and elements of each
 * - lds:      elements from the start of one row of source to the next
 * - ldt:      the same for target
 * - source:   in; (rows, n)
 * - index:    in; (rows) i32, row numbers of target
 * - target:   in/out, added to; (≥ max(index) + 1, n); must not overlap source
 *
 * Tail: for odd n the last element of a row is added alone.
 */
export function scatter_add_rows(
  rows: usize,
  n: usize,
  lds: usize,
  ldt: usize,
  source: usize,
  index: usize,
  target: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const from = source + r * lds * sizeof<f64>();
    const to = target + <usize>load<u32>(index + r * sizeof<u32>()) * ldt * sizeof<f64>();
    for (let i: usize = 0; i < n; i += lanes<f64>()) {
      const at = i * sizeof<f64>();
      const sum = f64x2.add(loadLanes<f64>(to + at, n - i), loadLanes<f64>(from + at, n - i));
      storeLanes<f64>(to + at, sum, n - i);
    }
  }
}

/**
 * x[r] = factors[r]·x[r].
 *
 * - factors:  in; (rows)
 * - x:        in/out; (rows, n)
 */
export function scale_rows(rows: usize, n: usize, factors: usize, x: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const factor = f64x2.splat(f64.load(factors + r * sizeof<f64>()));
    for (let i: usize = 0; i < n; i += lanes<f64>()) {
      const at = x + i * sizeof<f64>();
      storeLanes<f64>(at, f64x2.mul(factor, loadLanes<f64>(at, n - i)), n - i);
    }
    x += n * sizeof<f64>();
  }
}
