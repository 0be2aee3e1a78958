// A vector is a Float64Array; a matrix a tensor (n, k).

import type { Tensor } from "./tensor.js";

export type Numbers = Float64Array;

const at = (x: ArrayLike<number>, i: number): number => {
  const value = x[i];
  if (value === undefined) throw new RangeError(`[${i}] of ${x.length} elements`);
  return value;
};

function extents(A: Tensor, x: Numbers, over: "rows" | "columns") {
  const [n = 0, k = 0] = A.shape;
  if (x.length !== (over === "rows" ? n : k) || A.data.length !== n * k) {
    throw new RangeError(`(${n}, ${k}) of ${A.data.length} elements by ${x.length}`);
  }
  return [n, k] as const;
}

/** A·x, each sum in ascending order. */
export function times(A: Tensor, x: Numbers): Numbers {
  const [n, k] = extents(A, x, "columns");
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += (A.data[i * k + j] as number) * (x[j] as number);
    y[i] = sum;
  }
  return y;
}

/** Aᵀ·x. */
export function timesTransposed(A: Tensor, x: Numbers): Numbers {
  const [n, k] = extents(A, x, "rows");
  const y = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    const value = x[i] as number;
    for (let j = 0; j < k; j++) y[j] = (y[j] as number) + (A.data[i * k + j] as number) * value;
  }
  return y;
}

/** A[first + i][j] += x[i]·y[j]. */
export function addOuter({ shape, data }: Tensor, first: number, x: Numbers, y: Numbers): void {
  const [n = 0, k = 0] = shape;
  if (y.length !== k || first + x.length > n) throw new RangeError(`(${shape}) by ${y.length}`);
  for (let i = 0; i < x.length; i++) {
    const value = x[i] as number;
    for (let j = 0; j < k; j++) {
      const place = (first + i) * k + j;
      data[place] = (data[place] as number) + value * (y[j] as number);
    }
  }
}

/** x + y. */
export function plus(x: Numbers, y: Numbers): Numbers {
  if (x.length !== y.length) throw new RangeError(`${x.length} elements and ${y.length}`);
  return x.map((value, i) => value + at(y, i));
}

/** One after the other. */
export function concat(...parts: readonly Numbers[]): Numbers {
  return Float64Array.from(parts.flatMap((part) => Array.from(part)));
}

/** Rows `from` … `to − 1` of A. */
export function part({ shape: [, k = 0], data }: Tensor, from: number, to: number): Tensor {
  return { shape: [to - from, k], data: data.slice(from * k, to * k) };
}
