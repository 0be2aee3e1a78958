import { addProduct, lanes, loadLanes, storeLanes, VECTOR } from "../base/lanes";

/**
 * y[i] += Σ_r x[r][i], r ascending; the sum is never split.
 *
 * - x:  in; (rows, n)
 * - y:  in/out, added to; (n); must not overlap x
 *
 * Tail: for odd n the last element of a row is added alone.
 */
export function add_rows(rows: usize, n: usize, x: usize, y: usize): void {
  const paired = n - (n % lanes<f64>());
  for (let r: usize = 0; r < rows; r++) {
    const end = y + paired * sizeof<f64>();
    let sum = y;
    for (; sum < end; sum += VECTOR) {
      v128.store(sum, f64x2.add(v128.load(sum), v128.load(x)));
      x += VECTOR;
    }
    if (paired < n) {
      storeLanes<f64>(sum, f64x2.add(loadLanes<f64>(sum, 1), loadLanes<f64>(x, 1)), 1);
      x += sizeof<f64>();
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
 * Tail: for odd n the last element of a row is computed alone, by the same arithmetic.
 */
export function add_product_rows(
  rows: usize,
  n: usize,
  lda: usize,
  ldb: usize,
  a: usize,
  b: usize,
  y: usize,
): void {
  const bytes = n * sizeof<f64>();
  const paired = bytes & ~(VECTOR - 1);
  for (let r: usize = 0; r < rows; r++) {
    for (let at: usize = 0; at < paired; at += VECTOR) {
      const sum = v128.load(y + at);
      v128.store(y + at, addProduct<f64>(sum, v128.load(a + at), v128.load(b + at)));
    }
    if (paired < bytes) {
      const left = loadLanes<f64>(a + paired, 1);
      const right = loadLanes<f64>(b + paired, 1);
      const sum = loadLanes<f64>(y + paired, 1);
      storeLanes<f64>(y + paired, addProduct<f64>(sum, left, right), 1);
    }
    a += lda * sizeof<f64>();
    b += ldb * sizeof<f64>();
  }
}
