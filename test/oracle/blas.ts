// The products and turns over flat arrays, as the kernels have them: sizes and strides in elements, C order.

const element = (x: ArrayLike<number>, i: number): number => {
  const value = x[i];
  if (value === undefined) throw new RangeError(`[${i}] of ${x.length} elements`);
  return value;
};

export interface Product {
  readonly rows: number;
  readonly n: number;
  readonly k: number;
  readonly lda: number;
  readonly ldi: number;
  readonly ldc: number;
  /** (rows, k), row stride lda. */
  readonly a: Float64Array;
  /** (n, k). */
  readonly w: Float64Array;
  /** (rows, n), row stride ldi. */
  readonly init: Float64Array;
  /** (rows, n), row stride ldc: what stands there before. */
  readonly c: Float64Array;
}

/**
 * c[r][i] = init[r][i] + Σ_j a[r][j]·w[i][j], j ascending. The rest of c stays as it is. `round` makes the numbers of a
 * lower precision: of the operands, of each product and of each sum.
 */
export function gemm(
  { rows, n, k, lda, ldi, ldc, a, w, init, c }: Product,
  round: (x: number) => number = (x) => x,
): Float64Array {
  const result = c.map(round);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      let sum = round(element(init, r * ldi + i));
      for (let j = 0; j < k; j++) {
        const product = round(round(element(a, r * lda + j)) * round(element(w, i * k + j)));
        sum = round(sum + product);
      }
      result[r * ldc + i] = sum;
    }
  }
  return result;
}

/** Panels of `width` outputs: all k inputs of the first, then of the next, and so on; zeros where there is no output. */
export function packPanels(
  n: number,
  k: number,
  rowStride: number,
  columnStride: number,
  w: Float64Array,
  width: number,
): Float64Array {
  const packed: number[] = [];
  for (let panel = 0; panel < Math.ceil(n / width); panel++) {
    for (let j = 0; j < k; j++) {
      for (let lane = 0; lane < width; lane++) {
        const i = width * panel + lane;
        packed.push(i < n ? element(w, i * rowStride + j * columnStride) : 0);
      }
    }
  }
  return Float64Array.from(packed);
}

/** y[k][j][i] = x[i][j][k], x of shape (a, b, c). */
export function reverseAxes(a: number, b: number, c: number, x: Float64Array): Float64Array {
  const y = new Float64Array(a * b * c);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) y[(k * b + j) * a + i] = element(x, (i * b + j) * c + k);
    }
  }
  return y;
}

const exactly = (x: number): number => x;

/** y[i] + Σ_r x[r][i], r ascending. `round` as in `gemm`. */
export function addRows(
  rows: number,
  n: number,
  x: Float64Array,
  y: Float64Array,
  round = exactly,
): Float64Array {
  const sum = y.map(round);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) sum[i] = round(element(sum, i) + round(element(x, r * n + i)));
  }
  return sum;
}

/** y[i] + Σ_r a[r][i]·b[r][i], r ascending; rows are `lda` and `ldb` elements apart. `round` as in `gemm`. */
export function addProductRows(
  rows: number,
  n: number,
  lda: number,
  ldb: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  y: Float64Array,
  round = exactly,
): Float64Array {
  const result = y.map(round);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < n; i++) {
      const product = round(round(element(a, r * lda + i)) * round(element(b, r * ldb + i)));
      result[i] = round(element(result, i) + product);
    }
  }
  return result;
}

/** Row r of `target`, `ldt` elements apart, becomes row index[r] of `source`, `lds` apart; without `index` row r. */
export function gatherRows(
  rows: number,
  n: number,
  lds: number,
  ldt: number,
  source: ArrayLike<number>,
  index: ArrayLike<number> | undefined,
  target: Float64Array,
): Float64Array {
  const result = target.slice();
  for (let r = 0; r < rows; r++) {
    const row = index === undefined ? r : element(index, r);
    for (let i = 0; i < n; i++) result[r * ldt + i] = element(source, row * lds + i);
  }
  return result;
}
