import { lanes, loadLanes, loadSplat, storeLanes } from "../base/lanes";

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
 * Tail: the elements after the last whole vector of a row are added alone.
 */
export function scatter_add_rows<T>(
  rows: usize,
  n: usize,
  lds: usize,
  ldt: usize,
  source: usize,
  index: usize,
  target: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const from = source + r * lds * sizeof<T>();
    const to = target + <usize>load<u32>(index + r * sizeof<u32>()) * ldt * sizeof<T>();
    for (let i: usize = 0; i < n; i += lanes<T>()) {
      const at = i * sizeof<T>();
      const sum = v128.add<T>(loadLanes<T>(to + at, n - i), loadLanes<T>(from + at, n - i));
      storeLanes<T>(to + at, sum, n - i);
    }
  }
}

/**
 * x[r] = factors[r]·x[r].
 *
 * - factors:  in; (rows)
 * - x:        in/out; (rows, n)
 */
export function scale_rows<T>(rows: usize, n: usize, factors: usize, x: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    const factor = loadSplat<T>(factors + r * sizeof<T>());
    for (let i: usize = 0; i < n; i += lanes<T>()) {
      const at = x + i * sizeof<T>();
      storeLanes<T>(at, v128.mul<T>(factor, loadLanes<T>(at, n - i)), n - i);
    }
    x += n * sizeof<T>();
  }
}
