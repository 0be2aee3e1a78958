import { addProduct, lanes, loadLanes, storeLanes, VECTOR } from "../base/lanes";

/**
 * y[i] += Σ_r x[r][i], r ascending; the sum is never split.
 *
 * - x:  in; (rows, n)
 * - y:  in/out, added to; (n); must not overlap x
 *
 * Tail: the elements after the last whole vector of a row are added alone.
 */
export function add_rows<T>(rows: usize, n: usize, x: usize, y: usize): void {
  const paired = n - (n % lanes<T>());
  for (let r: usize = 0; r < rows; r++) {
    const end = y + paired * sizeof<T>();
    let sum = y;
    for (; sum < end; sum += VECTOR) {
      v128.store(sum, v128.add<T>(v128.load(sum), v128.load(x)));
      x += VECTOR;
    }
    if (paired < n) {
      const live: usize = sizeof<T>() === 8 ? 1 : n % lanes<T>();
      storeLanes<T>(sum, v128.add<T>(loadLanes<T>(sum, live), loadLanes<T>(x, live)), live);
      x += live * sizeof<T>();
    }
  }
}

/**
 * y[i] += Σ_r a[r][i]·b[r][i], r ascending; the sum is never split, and each product is rounded (fused in the relaxed build).
 *
 * - rows, n:   rows, and elements of each
 * - lda, ldb:  elements from the start of one row to the next
 * - a, b:      in; (rows, n)
 * - y:         in/out, added to; (n); must not overlap a or b
 *
 * Tail: the elements after the last whole vector of a row are computed alone, by the same arithmetic.
 */
export function add_product_rows<T>(
  rows: usize,
  n: usize,
  lda: usize,
  ldb: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  const bytes = n * sizeof<T>();
  const paired = bytes & ~(VECTOR - 1);
  for (let r: usize = 0; r < rows; r++) {
    for (let at: usize = 0; at < paired; at += VECTOR) {
      const sum = v128.load(y + at);
      v128.store(y + at, addProduct<T>(sum, v128.load(a + at), v128.load(b + at)));
    }
    if (paired < bytes) {
      const live: usize = sizeof<T>() === 8 ? 1 : n % lanes<T>();
      const left = loadLanes<T>(a + paired, live);
      const right = loadLanes<T>(b + paired, live);
      const sum = loadLanes<T>(y + paired, live);
      storeLanes<T>(y + paired, addProduct<T>(sum, left, right), live);
    }
    a += lda * sizeof<T>();
    b += ldb * sizeof<T>();
  }
}
