/**
 * Squared error of each row r with its scale s: loss[r] = s Σ_j (y[r,j] − t[r,j])²; dy[r,j] = 2 s (y[r,j] − t[r,j]).
 * The sum runs over j in ascending order.
 *
 * - outputs:   in; y (rows, n)
 * - targets:   in; t (rows, n)
 * - scales:    in; (rows)
 * - loss:      out, set; (rows); overlaps nothing
 * - doutputs:  out, set; dy (rows, n); may be outputs itself
 */
export function squared_error_rows(
  rows: usize,
  n: usize,
  outputs: usize,
  targets: usize,
  scales: usize,
  loss: usize,
  doutputs: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    const scale = f64.load(scales + r * sizeof<f64>());
    let sum: f64 = 0;
    for (let j: usize = 0; j < n; j++) {
      const error = f64.load(outputs) - f64.load(targets);
      sum += error * error;
      f64.store(doutputs, 2 * scale * error);
      outputs += sizeof<f64>();
      targets += sizeof<f64>();
      doutputs += sizeof<f64>();
    }
    f64.store(loss + r * sizeof<f64>(), scale * sum);
  }
}
