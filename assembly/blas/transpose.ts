/** Side of the square block that is turned at once: 8 rows and 8 columns of f64 are whole cache lines. */
const BLOCK: usize = 8;

/**
 * y = x with its axes in reverse order: y[k][j][i] = x[i][j][k]. With b = 1 it is the transpose of a matrix.
 *
 * - x:  in; (a, b, c)
 * - y:  out, set; (c, b, a); must not overlap x
 */
export function reverse_axes(a: usize, b: usize, c: usize, x: usize, y: usize): void {
  assert(a * b * c === 0 || x !== y, "reverse_axes: y overlaps x");
  const row = b * c * sizeof<f64>();
  const column = b * a * sizeof<f64>();
  for (let j: usize = 0; j < b; j++) {
    for (let i0: usize = 0; i0 < a; i0 += BLOCK) {
      const iEnd = min(i0 + BLOCK, a);
      for (let k0: usize = 0; k0 < c; k0 += BLOCK) {
        const kEnd = min(k0 + BLOCK, c);
        for (let i = i0; i < iEnd; i++) {
          let source = x + i * row + (j * c + k0) * sizeof<f64>();
          let target = y + k0 * column + (j * a + i) * sizeof<f64>();
          for (let k = k0; k < kEnd; k++) {
            store<f64>(target, load<f64>(source));
            source += sizeof<f64>();
            target += column;
          }
        }
      }
    }
  }
}
