import { VECTOR } from "../base/lanes";

/**
 * target[r] = source[index[r]]: rows picked out, put in another order, or set to another stride.
 *
 * - rows, n:  rows of the target, and elements of each
 * - lds:      elements from the start of one row of source to the next; 0: one row for all
 * - ldt:      the same of target; at least n
 * - source:   in; as many rows as index names
 * - index:    in; (rows) i32, each the number of a row of source; 0 (no pointer): row r is r
 * - target:   out, set; n elements at the start of each row, what stands between rows is not touched; must not overlap source
 *
 * Tail: what is left of a row goes element by element.
 */
export function gather_rows<T>(
  rows: usize,
  n: usize,
  lds: usize,
  ldt: usize,
  source: usize,
  index: usize,
  target: usize,
): void {
  const bytes = n * sizeof<T>();
  const whole = bytes & ~(VECTOR - 1);
  for (let r: usize = 0; r < rows; r++) {
    const row = index === 0 ? r : <usize>load<u32>(index + r * sizeof<u32>());
    const from = source + row * lds * sizeof<T>();
    for (let at: usize = 0; at < whole; at += VECTOR) {
      v128.store(target + at, v128.load(from + at));
    }
    for (let at = whole; at < bytes; at += sizeof<T>()) store<T>(target + at, load<T>(from + at));
    target += ldt * sizeof<T>();
  }
}
