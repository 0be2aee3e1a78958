import { expVector } from "../base/exp";
import { logOf } from "./softmax";

/**
 * Binary cross-entropy of logits, as torch.nn.BCEWithLogitsLoss with pos_weight p, of each row r with its scale s:
 * loss[r] = s Σ_j ((1 − t) x + (1 + (p_j − 1) t) log(1 + e^−x)); dx[r,j] = s ((1 − t) − (1 + (p_j − 1) t) σ(−x)).
 * log(1 + e^−x) = log(1 + e^−|x|) + max(−x, 0), which does not overflow. The sum runs over j in ascending order.
 *
 * - logits:    in; x (rows, n)
 * - targets:   in; t (rows, n), in 0 … 1
 * - positive:  in; p (n), or 0 (no pointer): ones
 * - scales:    in; (rows)
 * - loss:      out, set; (rows); overlaps nothing
 * - dlogits:   out, set; dx (rows, n); may be logits itself
 */
export function binary_cross_entropy_rows(
  rows: usize,
  n: usize,
  logits: usize,
  targets: usize,
  positive: usize,
  scales: usize,
  loss: usize,
  dlogits: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const scale = f64.load(scales + r * sizeof<f64>());
    let sum: f64 = 0;
    for (let j: usize = 0; j < n; j++) {
      const x = f64.load(logits);
      const t = f64.load(targets);
      const p: f64 = positive === 0 ? 1 : f64.load(positive + j * sizeof<f64>());
      const e = f64x2.extract_lane(expVector(f64x2.splat(-abs(x))), 0);
      const softplus = logOf(1 + e) + (x < 0 ? -x : 0);
      const miss = (x < 0 ? 1 : e) / (1 + e); // σ(−x)
      const factor = 1 + (p - 1) * t;
      sum += (1 - t) * x + factor * softplus;
      f64.store(dlogits, scale * (1 - t - factor * miss));
      logits += sizeof<f64>();
      targets += sizeof<f64>();
      dlogits += sizeof<f64>();
    }
    f64.store(loss + r * sizeof<f64>(), scale * sum);
  }
}
