// Normalisation of each row over its n numbers, as torch.nn.LayerNorm: x̂ = (x − mean) / √(variance + ε); y = gain·x̂ + bias.
// The variance is that of the row, not an estimate: it is divided by n. Sums run over the row in ascending order.
// All is computed in f64; T is the type of the numbers in memory, but for the statistics, which are f64.

/**
 * y[r,j] = gain[j]·(x[r,j] − mean_r)·f_r + bias[j] with f_r = 1 / √(variance_r + ε).
 *
 * - rows, n:     extents, n ≥ 1
 * - x:           in; (rows, n)
 * - gain, bias:  in; (n)
 * - y:           out, set; (rows, n); must not overlap x, which the backward pass reads
 * - statistics:  out, set; (rows, 2), f64: mean_r and f_r
 */
export function layer_norm_forward<T>(
  rows: usize,
  n: usize,
  epsilon: f64,
  x: usize,
  gain: usize,
  bias: usize,
  y: usize,
  statistics: usize,
): void {
  const row = n * sizeof<T>();
  for (let r: usize = 0; r < rows; r++) {
    let mean: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<T>()) mean += <f64>load<T>(x + at);
    mean /= <f64>n;
    let variance: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<T>()) {
      const d = <f64>load<T>(x + at) - mean;
      variance += d * d;
    }
    const factor = 1 / sqrt<f64>(variance / <f64>n + epsilon);
    for (let at: usize = 0; at < row; at += sizeof<T>()) {
      const normal = (<f64>load<T>(x + at) - mean) * factor;
      store<T>(y + at, <T>(<f64>load<T>(gain + at) * normal + <f64>load<T>(bias + at)));
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
export function layer_norm_backward<T>(
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
  const row = n * sizeof<T>();
  for (let r: usize = 0; r < rows; r++) {
    const mean = f64.load(statistics);
    const factor = f64.load(statistics + sizeof<f64>());
    let sum: f64 = 0;
    let product: f64 = 0;
    for (let at: usize = 0; at < row; at += sizeof<T>()) {
      const own = <f64>load<T>(dy + at);
      const normal = (<f64>load<T>(x + at) - mean) * factor;
      const d = <f64>load<T>(gain + at) * own;
      sum += d;
      product += d * normal;
      store<T>(dgain + at, <T>(<f64>load<T>(dgain + at) + own * normal));
      store<T>(dbias + at, <T>(<f64>load<T>(dbias + at) + own));
    }
    sum /= <f64>n;
    product /= <f64>n;
    for (let at: usize = 0; at < row; at += sizeof<T>()) {
      const normal = (<f64>load<T>(x + at) - mean) * factor;
      const d = <f64>load<T>(gain + at) * <f64>load<T>(dy + at);
      store<T>(dx + at, <T>(factor * (d - sum - normal * product)));
    }
    x += row;
    dy += row;
    dx += row;
    statistics += 2 * sizeof<f64>();
  }
}
