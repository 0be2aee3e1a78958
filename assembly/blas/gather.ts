import { VECTOR } from "../base/lanes";

/**
 * target[r] = source[index[r]]: copies rows by index, or to another stride.
 *
 * - rows, n:  rows of target, and elements of each
 * - lds:      elements from the start of one row of source to the next; 0 repeats one row
 * - ldt:      the same for target; at least n
 * - source:   in; (≥ max(index) + 1, n)
 * - index:    in; (rows) i32, row numbers of source; 0 (no pointer) means index[r] = r
 * - target:   out, set; (rows, n); elements between the rows are not written; must not overlap source
 *
 * Tail: the elements after the last whole vector of a row are copied one by one.
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
