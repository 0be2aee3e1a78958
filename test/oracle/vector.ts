// A vector is a Float64Array; a matrix a tensor (n, k).

import type { Tensor } from "./tensor.js";

export type Numbers = Float64Array;

const at = (x: ArrayLike<number>, i: number): number => {
  const value = x[i];
  if (value === undefined) throw new RangeError(`[${i}] of ${x.length} elements`);
  return value;
};

function extents({ shape: [n = 0, k = 0] }: Tensor, x: Numbers, over: "rows" | "columns") {
  if (x.length !== (over === "rows" ? n : k)) throw new RangeError(`(${n}, ${k}) by ${x.length}`);
  return [n, k] as const;
}

/** A·x. */
export function times(A: Tensor, x: Numbers): Numbers {
  const [n, k] = extents(A, x, "columns");
  return new Float64Array(n).map((_, i) =>
    x.reduce((sum, value, j) => sum + at(A.data, i * k + j) * value, 0),
  );
}

/** Aᵀ·x. */
export function timesTransposed(A: Tensor, x: Numbers): Numbers {
  const [, k] = extents(A, x, "rows");
  return new Float64Array(k).map((_, j) =>
    x.reduce((sum, value, i) => sum + at(A.data, i * k + j) * value, 0),
  );
}

/** A[first + i][j] += x[i]·y[j]. */
export function addOuter({ shape, data }: Tensor, first: number, x: Numbers, y: Numbers): void {
  const k = shape[1] ?? 0;
  if (y.length !== k) throw new RangeError(`(${shape}) by ${y.length}`);
  x.forEach((left, i) => {
    y.forEach((right, j) => {
      const place = (first + i) * k + j;
      data[place] = at(data, place) + left * right;
    });
  });
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
