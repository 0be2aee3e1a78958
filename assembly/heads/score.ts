import { logOf, rowMaximum, rowSum } from "./softmax";

/**
 * The log-probability of each row's target t = targets[r]: logProb[r] = (x[r,t] − max_r) − log Σ_j exp(x[r,j] − max_r), with the
 * bits of `log_softmax_rows` at t. A row with target −1 gives 0. The caller checks that other targets are in 0 … n − 1.
 *
 * - logits:   in; x (rows, n), n ≥ 1
 * - targets:  in; (rows), i32
 * - logProb:  out, set; (rows); must not overlap logits
 *
 * Tail, order of summation, NaN and ±Infinity: as in softmax.ts.
 */
export function score_rows(
  rows: usize,
  n: usize,
  logits: usize,
  targets: usize,
  logProb: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const target = i32.load(targets);
    assert(target >= -1 && target < <i32>n, "score_rows: no such class");
    f64.store(logProb, target < 0 ? 0 : row(n, logits, (target as usize) * sizeof<f64>()));
    logits += n * sizeof<f64>();
    targets += 4;
    logProb += sizeof<f64>();
  }
}

/** One row that is not ignored; `target` is in bytes. */
function row(n: usize, x: usize, target: usize): f64 {
  const max = rowMaximum(n, x);
  return f64.load(x + target) - max - logOf(rowSum(n, max, x));
}
