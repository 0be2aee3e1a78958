import { VECTOR } from "../base/lanes";

/** Side of the square block that is transposed at once: 8 f64 are a cache line, and 8 f32 half of one. */
const BLOCK: usize = 8;

/**
 * y = x with its axes in reverse order: y[k][j][i] = x[i][j][k]. With b = 1 it transposes a matrix.
 *
 * - x:  in; (a, b, c)
 * - y:  out, set; (c, b, a); must not overlap x
 *
 * Tail: the elements outside whole blocks are copied one by one.
 */
export function reverse_axes<T>(a: usize, b: usize, c: usize, x: usize, y: usize): void {
  assert(a * b * c === 0 || x !== y, "reverse_axes: y overlaps x");
  const row = b * c * sizeof<T>();
  const column = b * a * sizeof<T>();
  for (let j: usize = 0; j < b; j++) {
    for (let k: usize = 0; k < c; k += BLOCK) {
      const columns = min(c - k, BLOCK);
      for (let i: usize = 0; i < a; i += BLOCK) {
        const rows = min(a - i, BLOCK);
        const from = x + i * row + (j * c + k) * sizeof<T>();
        const to = y + k * column + (j * a + i) * sizeof<T>();
        if (rows + columns === 2 * BLOCK) {
          if (sizeof<T>() === 8) transposeBlock(row, column, from, to);
          else transposeBlockSingle(row, column, from, to);
        } else transposePart<T>(rows, columns, row, column, from, to);
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

/** The same in f32, four rows at a time: pairs of rows are interleaved, then pairs of pairs. */
function transposeBlockSingle(row: usize, column: usize, x: usize, y: usize): void {
  for (let i: usize = 0; i < BLOCK; i += 4) {
    const third = x + 2 * row;
    const a0 = v128.load(x);
    const b0 = v128.load(x + row);
    const c0 = v128.load(third);
    const d0 = v128.load(third + row);
    const a1 = v128.load(x, VECTOR);
    const b1 = v128.load(x + row, VECTOR);
    const c1 = v128.load(third, VECTOR);
    const d1 = v128.load(third + row, VECTOR);
    storeFour(column, a0, b0, c0, d0, y);
    storeFour(column, a1, b1, c1, d1, y + 4 * column);
    x += 4 * row;
    y += VECTOR;
  }
}

/** Stores four columns of four rows of f32. */
function storeFour(column: usize, a: v128, b: v128, c: v128, d: v128, y: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const rest = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const others = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(y, v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(y + column, v128.shuffle<f64>(ab, cd, 1, 3));
  y += 2 * column;
  v128.store(y, v128.shuffle<f64>(rest, others, 0, 2));
  v128.store(y + column, v128.shuffle<f64>(rest, others, 1, 3));
}

function transposePart<T>(
  rows: usize,
  columns: usize,
  row: usize,
  column: usize,
  x: usize,
  y: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let k: usize = 0; k < columns; k++) {
      const value = load<T>(x + i * row + k * sizeof<T>());
      store<T>(y + k * column + i * sizeof<T>(), value);
    }
  }
}
