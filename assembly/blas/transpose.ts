import { VECTOR } from "../base/lanes";

/** Side of the square block that is transposed at once: 8 f64 are a cache line. */
const BLOCK: usize = 8;

/**
 * y = x with its axes in reverse order: y[k][j][i] = x[i][j][k]. With b = 1 it transposes a matrix.
 *
 * - x:  in; (a, b, c)
 * - y:  out, set; (c, b, a); must not overlap x
 *
 * Tail: the elements outside whole blocks are copied one by one.
 */
export function reverse_axes(a: usize, b: usize, c: usize, x: usize, y: usize): void {
  assert(a * b * c === 0 || x !== y, "reverse_axes: y overlaps x");
  const row = b * c * sizeof<f64>();
  const column = b * a * sizeof<f64>();
  for (let j: usize = 0; j < b; j++) {
    for (let k: usize = 0; k < c; k += BLOCK) {
      const columns = min(c - k, BLOCK);
      for (let i: usize = 0; i < a; i += BLOCK) {
        const rows = min(a - i, BLOCK);
        const from = x + i * row + (j * c + k) * sizeof<f64>();
        const to = y + k * column + (j * a + i) * sizeof<f64>();
        if (rows + columns === 2 * BLOCK) transposeBlock(row, column, from, to);
        else transposePart(rows, columns, row, column, from, to);
      }
    }
  }
}

/**
 * Transposes a whole block, two rows at a time. All loads come before the stores: where rows are a multiple of 4 KiB apart, a
 * load waits for an earlier store whose address has the same low bits.
 */
function transposeBlock(row: usize, column: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < BLOCK; i += 2) {
    const a0 = v128.load(x);
    const b0 = v128.load(x + row);
    const a1 = v128.load(x, VECTOR);
    const b1 = v128.load(x + row, VECTOR);
    const a2 = v128.load(x, 2 * VECTOR);
    const b2 = v128.load(x + row, 2 * VECTOR);
    const a3 = v128.load(x, 3 * VECTOR);
    const b3 = v128.load(x + row, 3 * VECTOR);
    let to = y;
    v128.store(to, v128.shuffle<f64>(a0, b0, 0, 2));
    v128.store(to + column, v128.shuffle<f64>(a0, b0, 1, 3));
    to += 2 * column;
    v128.store(to, v128.shuffle<f64>(a1, b1, 0, 2));
    v128.store(to + column, v128.shuffle<f64>(a1, b1, 1, 3));
    to += 2 * column;
    v128.store(to, v128.shuffle<f64>(a2, b2, 0, 2));
    v128.store(to + column, v128.shuffle<f64>(a2, b2, 1, 3));
    to += 2 * column;
    v128.store(to, v128.shuffle<f64>(a3, b3, 0, 2));
    v128.store(to + column, v128.shuffle<f64>(a3, b3, 1, 3));
    x += 2 * row;
    y += VECTOR;
  }
}

function transposePart(
  rows: usize,
  columns: usize,
  row: usize,
  column: usize,
  x: usize,
  y: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let k: usize = 0; k < columns; k++) {
      const value = load<f64>(x + i * row + k * sizeof<f64>());
      store<f64>(y + k * column + i * sizeof<f64>(), value);
    }
  }
}
