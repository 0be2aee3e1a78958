import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { logOf, rowExponentials, rowMaximum } from "./softmax";

/**
 * Softmax and cross-entropy of each row r with its target t = targets[r], forward and backward at once:
 * loss[r] = log Σ_j exp(x[r,j] − max_r) − (x[r,t] − max_r), not scaled; dx[r,j] = scale (softmax(x)[r,j] − [j = t]).
 * A row with target −1 is ignored: its loss and gradient are 0. The caller checks that other targets are in 0 … n − 1.
 *
 * - logits:   in; x (rows, n), n ≥ 1
 * - targets:  in; (rows), i32
 * - loss:     out, set; (rows); overlaps nothing
 * - dlogits:  out, set; dx (rows, n); may be logits itself
 *
 * Tail, order of summation, NaN and ±Infinity: as in softmax.ts.
 */
export function cross_entropy_rows(
  rows: usize,
  n: usize,
  scale: f64,
  logits: usize,
  targets: usize,
  loss: usize,
  dlogits: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const target = i32.load(targets);
    assert(target >= -1 && target < <i32>n, "cross_entropy_rows: no such class");
    if (target < 0) {
      f64.store(loss, 0);
      memory.fill(dlogits, 0, n * sizeof<f64>());
    } else {
      f64.store(loss, row(n, scale, logits, (target as usize) * sizeof<f64>(), dlogits));
    }
    logits += n * sizeof<f64>();
    targets += 4;
    loss += sizeof<f64>();
    dlogits += n * sizeof<f64>();
  }
}

/** One row that is not ignored; `target` is in bytes. Sets dx and returns the loss. */
function row(n: usize, scale: f64, x: usize, target: usize, dx: usize): f64 {
  const max = rowMaximum(n, x);
  const own = f64.load(x + target) - max; // read before dx is set, which may be x
  const sum = rowExponentials(n, max, x, dx);
  const hit = scale * (f64.load(dx + target) / sum - 1);
  const sums = f64x2.splat(sum);
  const scales = f64x2.splat(scale);
  for (let i: usize = 0; i < n; i += lanes<f64>()) {
    const softmax = f64x2.div(loadLanes<f64>(dx + i * sizeof<f64>(), n - i), sums);
    storeLanes<f64>(dx + i * sizeof<f64>(), f64x2.mul(scales, softmax), n - i);
  }
  f64.store(dx + target, hit);
  return logOf(sum) - own;
}
