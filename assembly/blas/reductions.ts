import { lanes, loadLanes, storeLanes, VECTOR } from "../base/lanes";

/**
 * y[i] += Σ_r x[r][i], r ascending, the sum never split.
 *
 * - x:  in; (rows, n)
 * - y:  in/out, added to; (n); must not overlap x
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
