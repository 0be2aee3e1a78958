import { type Tensor, zeros } from "../oracle/tensor.js";

/** Seeded numbers in −1 … 1: a 32-bit linear congruential generator, its upper bits. */
export function uniform(seed: number): () => number {
  let state = (Math.imul(seed, 2654435761) + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function randomArray(next: () => number, length: number): Float64Array {
  return new Float64Array(length).map(() => next());
}

export function randomTensor(next: () => number, ...shape: number[]): Tensor {
  return { shape, data: randomArray(next, zeros(...shape).data.length) };
}

export interface Sizes {
  nx: number;
  na: number;
  ny: number;
}

export const randomRnn = (next: () => number, { nx, na, ny }: Sizes) => ({
  Wax: randomTensor(next, na, nx),
  Waa: randomTensor(next, na, na),
  Wya: randomTensor(next, ny, na),
  ba: randomTensor(next, na, 1),
  by: randomTensor(next, ny, 1),
});

export const randomLstm = (next: () => number, { nx, na, ny }: Sizes) => ({
  Wf: randomTensor(next, na, na + nx),
  bf: randomTensor(next, na, 1),
  Wi: randomTensor(next, na, na + nx),
  bi: randomTensor(next, na, 1),
  Wc: randomTensor(next, na, na + nx),
  bc: randomTensor(next, na, 1),
  Wo: randomTensor(next, na, na + nx),
  bo: randomTensor(next, na, 1),
  Wy: randomTensor(next, ny, na),
  by: randomTensor(next, ny, 1),
});

export const randomGru = (next: () => number, { nx, na, ny }: Sizes) => ({
  Wu: randomTensor(next, na, na + nx),
  bu: randomTensor(next, na, 1),
  Wr: randomTensor(next, na, na + nx),
  br: randomTensor(next, na, 1),
  Wc: randomTensor(next, na, na + nx),
  bc: randomTensor(next, na, 1),
  bch: randomTensor(next, na, 1),
  Wy: randomTensor(next, ny, na),
  by: randomTensor(next, ny, 1),
});

/** Values at which arithmetic has exceptions: infinities, NaN, signed zeros, subnormal numbers, the largest ones. */
export const SPECIAL: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  5e-324,
  -5e-324,
  1e-310,
  -1e-310,
  2 ** -1022,
  1.7e308,
  -1.7e308,
  2 ** -149,
  -1e-40,
  2 ** -126,
  3.4e38,
  -3.4e38,
  1,
  -1,
];

/** A seeded draw of special and, one in `mix`, plain numbers. */
export function specialArray(seed: number, length: number, mix = 4): Float64Array {
  const next = uniform(seed);
  return new Float64Array(length).map(() => {
    const pick = Math.floor(Math.abs(next()) * SPECIAL.length * (1 + 1 / mix));
    return SPECIAL[pick] ?? next();
  });
}
