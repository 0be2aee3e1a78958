// What follows a recurrent layer in a model that only runs forward: a normalisation of each row, a residual, or both.

// @ts-ignore: decorator
@inline
function read(item: usize, at: usize): f64 {
  return item === sizeof<f64>() ? f64.load(at) : <f64>f32.load(at);
}

/**
 * y[r,j] = below[r,j] + gain[j]·(x[r,j] − mean_r)·f_r + bias[j] with f_r = 1 / √(variance_r + ε), each part only if there is
 * one. The arithmetic is that of layer_norm_forward, in f64 for both number types: an f32 result is rounded once.
 *
 * - item:        bytes of one number of below, x and y
 * - rows, n:     extents, n ≥ 1
 * - gain, bias:  in; (n), f64; gain is 0 if nothing is normalised
 * - below:       in; (rows, n); 0 if nothing is added
 * - x:           in; (rows, n)
 * - y:           out, set; (rows, n); may be x itself
 */
export function add_norm_rows(
  item: usize,
  rows: usize,
  n: usize,
  epsilon: f64,
  gain: usize,
  bias: usize,
  below: usize,
  x: usize,
  y: usize,
): void {
  const row = n * item;
  for (; rows > 0; rows--) {
    let mean: f64 = 0;
    let factor: f64 = 0;
    if (gain !== 0) {
      for (let at: usize = 0; at < row; at += item) mean += read(item, x + at);
      mean /= <f64>n;
      for (let at: usize = 0; at < row; at += item) {
        const d = read(item, x + at) - mean;
        factor += d * d;
      }
      factor = 1 / sqrt<f64>(factor / <f64>n + epsilon);
    }
    for (let j: usize = 0; j < n; j++) {
      const at = j * item;
      let value = read(item, x + at);
      if (gain !== 0) {
        const parameter = j * sizeof<f64>();
        const normal = (value - mean) * factor;
        value = f64.load(gain + parameter) * normal + f64.load(bias + parameter);
      }
      if (below !== 0) value += read(item, below + at);
      if (item === sizeof<f64>()) f64.store(y + at, value);
      else f32.store(y + at, <f32>value);
    }
    x += row;
    y += row;
    if (below !== 0) below += row;
  }
}
