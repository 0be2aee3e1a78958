// Normalisation of each row over its n numbers, as torch.nn.LayerNorm: x̂ = (x − mean) / √(variance + ε); y = gain·x̂ + bias.
// The variance is that of the row, not an estimate: it is divided by n. Sums run over the row in ascending order.

/**
 * y[r,j] = gain[j]·(x[r,j] − mean_r)·f_r + bias[j] with f_r = 1 / √(variance_r + ε).
 *
 * - rows, n:     extents, n ≥ 1
 * - x:           in; (rows, n)
 * - gain, bias:  in; (n)
 * - y:           out, set; (rows, n); must not overlap x, which the backward pass reads
 * - statistics:  out, set; (rows, 2): mean_r and f_r
 */
export function layer_norm_forward(
  rows: usize,
  n: usize,
  epsilon: f64,
  x: usize,
  gain: usize,
  bias: usize,
  y: usize,
  statistics: usize,
): void {
  const row = n * sizeof<f64>();
  for (let r: usize = 0; r < rows; r++) {
    let mean: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<f64>()) mean += f64.load(x + at);
    mean /= <f64>n;
    let variance: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<f64>()) {
      const d = f64.load(x + at) - mean;
      variance += d * d;
    }
    const factor = 1 / sqrt<f64>(variance / <f64>n + epsilon);
    for (let at: usize = 0; at < row; at += sizeof<f64>()) {
      const normal = (f64.load(x + at) - mean) * factor;
      f64.store(y + at, f64.load(gain + at) * normal + f64.load(bias + at));
    }
    f64.store(statistics, mean);
    f64.store(statistics + sizeof<f64>(), factor);
    x += row;
    y += row;
    statistics += 2 * sizeof<f64>();
  }
}

/**
 * The derivative of layer_norm_forward. With d = gain·dy: dx = f (d − mean(d) − x̂ mean(d·x̂)); dgain += Σ_r dy·x̂;
 * dbias += Σ_r dy, r ascending.
 *
 * - x, gain, statistics:  in; as they were in the forward pass
 * - dy:                   in; (rows, n)
 * - dx:                   out, set; (rows, n); may be dy itself
 * - dgain, dbias:         in/out, added to; (n)
 */
export function layer_norm_backward(
  rows: usize,
  n: usize,
  x: usize,
  gain: usize,
  statistics: usize,
  dy: usize,
  dx: usize,
  dgain: usize,
  dbias: usize,
): void {
  const row = n * sizeof<f64>();
  for (let r: usize = 0; r < rows; r++) {
    const mean = f64.load(statistics);
    const factor = f64.load(statistics + sizeof<f64>());
    let sum: f64 = 0;
    let product: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<f64>()) {
      const own = f64.load(dy + at);
      const normal = (f64.load(x + at) - mean) * factor;
      const d = f64.load(gain + at) * own;
      sum += d;
      product += d * normal;
      f64.store(dgain + at, f64.load(dgain + at) + own * normal);
      f64.store(dbias + at, f64.load(dbias + at) + own);
    }
    sum /= <f64>n;
    product /= <f64>n;
    for (let at: usize = 0; at < row; at += sizeof<f64>()) {
      const normal = (f64.load(x + at) - mean) * factor;
      const d = f64.load(gain + at) * f64.load(dy + at);
      f64.store(dx + at, factor * (d - sum - normal * product));
    }
    x += row;
    dy += row;
    dx += row;
    statistics += 2 * sizeof<f64>();
  }
}
