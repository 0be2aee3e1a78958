import { lanes, loadLanes, storeLanes } from "../base/lanes";
import { logOf, rowExponentials, rowMaximum } from "./softmax";

/**
 * Cross-entropy with label smoothing ε and class weights w, as torch.nn.CrossEntropyLoss, of each row r with its target
 * t = targets[r] and its scale s; forward and backward at once. With p = softmax(x[r]), W = Σ w:
 * loss[r] = s ((1 − ε) w_t (−log p_t) + ε/n Σ_j w_j (−log p_j));
 * dx[r,j] = s ((1 − ε) w_t (p_j − [j = t]) + ε/n (W p_j − w_j)).
 * A row with target −1 is ignored: its loss and gradient are 0. The caller checks that other targets are in 0 … n − 1.
 *
 * - logits:   in; x (rows, n), n ≥ 1
 * - targets:  in; (rows), i32
 * - weights:  in; w (n), or 0 (no pointer): ones
 * - scales:   in; (rows)
 * - loss:     out, set; (rows); overlaps nothing
 * - dlogits:  out, set; dx (rows, n); may be logits itself
 *
 * Tail, order of summation, NaN and ±Infinity: as in softmax.ts.
 */
export function smooth_cross_entropy_rows(
  rows: usize,
  n: usize,
  smoothing: f64,
  logits: usize,
  targets: usize,
  weights: usize,
  scales: usize,
  loss: usize,
  dlogits: usize,
): void {
  const total = weights === 0 ? <f64>n : sum(n, weights);
  for (let r: usize = 0; r < rows; r++) {
    const target = i32.load(targets + r * 4);
    assert(target >= -1 && target < <i32>n, "smooth_cross_entropy_rows: no such class");
    const at = r * sizeof<f64>();
    const x = logits + r * n * sizeof<f64>();
    const dx = dlogits + r * n * sizeof<f64>();
    if (target < 0) {
      f64.store(loss + at, 0);
      memory.fill(dx, 0, n * sizeof<f64>());
    } else {
      const scale = f64.load(scales + at);
      f64.store(loss + at, scale * row(n, smoothing, x, <usize>target, weights, total, scale, dx));
    }
  }
}

function sum(n: usize, x: usize): f64 {
  let all: f64 = 0;
  for (let i: usize = 0; i < n; i++) all += f64.load(x + i * sizeof<f64>());
  return all;
}

/** Sets dx and returns the loss without its scale. */
function row(
  n: usize,
  smoothing: f64,
  x: usize,
  target: usize,
  weights: usize,
  total: f64,
  scale: f64,
  dx: usize,
): f64 {
  const max = rowMaximum(n, x);
  const own = f64.load(x + target * sizeof<f64>()) - max; // read before dx is set, which may be x
  let others: f64 = 0;
  if (smoothing !== 0) {
    for (let j: usize = 0; j < n; j++) {
      const weight: f64 = weights === 0 ? 1 : f64.load(weights + j * sizeof<f64>());
      others += weight * (f64.load(x + j * sizeof<f64>()) - max);
    }
  }
  const exponentials = rowExponentials(n, max, x, dx);
  const log = logOf(exponentials);
  const ownWeight: f64 = weights === 0 ? 1 : f64.load(weights + target * sizeof<f64>());
  const hit = (1 - smoothing) * ownWeight;
  const part = smoothing / <f64>n;
  const factor = f64x2.splat((scale * (hit + part * total)) / exponentials);
  const less = f64x2.splat(scale * part);
  for (let j: usize = 0; j < n; j += lanes<f64>()) {
    const at = j * sizeof<f64>();
    let value = f64x2.mul(factor, loadLanes<f64>(dx + at, n - j));
    if (smoothing !== 0) {
      const weight = weights === 0 ? f64x2.splat(1) : loadLanes<f64>(weights + at, n - j);
      value = f64x2.sub(value, f64x2.mul(less, weight));
    }
    storeLanes<f64>(dx + at, value, n - j);
  }
  const at = dx + target * sizeof<f64>();
  f64.store(at, f64.load(at) - scale * hit);
  const loss = hit * (log - own);
  return smoothing === 0 ? loss : loss + part * (total * log - others);
}
