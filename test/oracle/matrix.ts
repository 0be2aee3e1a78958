import { each, extent, get, set, type Tensor, zeros } from "./tensor.js";

/** A·B. */
export function product(A: Tensor, B: Tensor): Tensor {
  if (extent(A, 1) !== extent(B, 0)) throw new RangeError(`(${A.shape}) times (${B.shape})`);
  const C = zeros(extent(A, 0), extent(B, 1));
  for (let i = 0; i < extent(A, 0); i++) {
    for (let j = 0; j < extent(B, 1); j++) {
      let sum = 0;
      for (let k = 0; k < extent(A, 1); k++) sum += get(A, i, k) * get(B, k, j);
      set(C, sum, i, j);
    }
  }
  return C;
}

export function transpose(A: Tensor): Tensor {
  const C = zeros(extent(A, 1), extent(A, 0));
  for (let i = 0; i < extent(A, 0); i++) {
    for (let j = 0; j < extent(A, 1); j++) set(C, get(A, i, j), j, i);
  }
  return C;
}

/** A + b, the column b (n, 1) added to every column of A (n, m). */
export function addColumn(A: Tensor, b: Tensor): Tensor {
  const C = zeros(extent(A, 0), extent(A, 1));
  for (let i = 0; i < extent(A, 0); i++) {
    for (let j = 0; j < extent(A, 1); j++) set(C, get(A, i, j) + get(b, i, 0), i, j);
  }
  return C;
}

/** The sum of A's columns, (n, 1). */
export function sumColumns(A: Tensor): Tensor {
  const ones = each(() => 1, zeros(extent(A, 1), 1));
  return product(A, ones);
}

/** A above B. */
export function stack(A: Tensor, B: Tensor): Tensor {
  const data = new Float64Array(A.data.length + B.data.length);
  data.set(A.data);
  data.set(B.data, A.data.length);
  return { shape: [extent(A, 0) + extent(B, 0), extent(A, 1)], data };
}

/** Rows `from` … `to − 1` of A. */
export function rows(A: Tensor, from: number, to: number): Tensor {
  const width = extent(A, 1);
  return { shape: [to - from, width], data: A.data.slice(from * width, to * width) };
}

export const column = (A: Tensor, j: number): number[] =>
  Array.from({ length: extent(A, 0) }, (_, i) => get(A, i, j));

export function setColumn(A: Tensor, j: number, values: readonly number[]): void {
  values.forEach((value, i) => {
    set(A, value, i, j);
  });
}
