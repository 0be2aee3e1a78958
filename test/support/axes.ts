import type { Tensor } from "./subject.js";

// Tensors are (n, m, T) or (n, m).

/** The batch rows `picks`, in that order. */
export function pick({ shape, data }: Tensor, picks: readonly number[]): Tensor {
  const [n = 0, m = 0, T = 1] = shape;
  const out = new Float64Array(n * picks.length * T);
  for (let i = 0; i < n; i++) {
    picks.forEach((b, k) => {
      const from = (i * m + b) * T;
      out.set(data.subarray(from, from + T), (i * picks.length + k) * T);
    });
  }
  return { shape: [n, picks.length, ...shape.slice(2)], data: out };
}

/** Steps `from` … `to − 1`; those beyond the last are zero. */
export function span({ shape, data }: Tensor, from: number, to: number): Tensor {
  const [n = 0, m = 0, T = 0] = shape;
  const length = to - from;
  const out = new Float64Array(n * m * length);
  for (let r = 0; r < n * m; r++) {
    out.set(data.subarray(r * T + from, r * T + Math.min(to, T)), r * length);
  }
  return { shape: [n, m, length], data: out };
}

/** One step, as (n, m). */
export function at(x: Tensor, t: number): Tensor {
  const { shape, data } = span(x, t, t + 1);
  return { shape: shape.slice(0, 2), data };
}
