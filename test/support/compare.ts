import { expect } from "vitest";
import type { Tensor } from "../oracle/tensor.js";

/**
 * Below this part of an array's largest magnitude an element is a difference of larger numbers, and what is left of them
 * after cancellation carries their rounding error.
 */
const FLOOR = 1e-2;

const largest = (data: Float64Array): number =>
  data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * The relative error of an array: the largest |a − b| / max(|a|, |b|, FLOOR·L) over its elements, L the largest
 * magnitude in the array. Infinity where one side alone is not finite; 0 for two arrays of zeros.
 *
 * @throws if the shapes differ
 */
export function relativeError(got: Tensor, want: Tensor): number {
  if (`${got.shape}` !== `${want.shape}`) {
    throw new Error(`expected shape (${want.shape}), got (${got.shape})`);
  }
  if (got.data.length !== want.data.length) {
    throw new Error(`expected ${want.data.length} elements, got ${got.data.length}`);
  }
  const floor = FLOOR * Math.max(largest(got.data), largest(want.data));
  return want.data.reduce((worst, b, i) => {
    const a = got.data[i] as number;
    if (Object.is(a, b) || a === b) return worst;
    const error = Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), floor);
    return Number.isFinite(error) ? Math.max(worst, error) : Number.POSITIVE_INFINITY;
  }, 0);
}

/**
 * Says where two arrays first differ in a bit, or nothing if they do not. −0 is not 0. All NaNs are one: neither
 * WebAssembly nor JavaScript says which one an operation gives.
 */
export function firstDifference(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
): string | undefined {
  if (got.length !== want.length) return `expected ${want.length} elements, got ${got.length}`;
  for (let i = 0; i < want.length; i++) {
    if (!Object.is(got[i], want[i])) return `[${i}]: expected ${want[i]}, got ${got[i]}`;
  }
  return undefined;
}

/**
 * The largest difference of two arrays, element by element, in units of `epsilon` of `scale[i]` (the wanted value itself
 * where absent). Below the normal numbers the unit is that of the smallest normal one.
 */
export function units(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  scale: ArrayLike<number> = want,
  { epsilon, normal } = { epsilon: 2 ** -52, normal: 2 ** -1022 },
): number {
  if (got.length !== want.length) throw new Error(`${got.length} elements for ${want.length}`);
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i] as number, want[i] as number];
    if (Object.is(a, b)) continue;
    const unit = Math.max(Math.abs(scale[i] as number), normal) * epsilon;
    const error = Math.abs(a - b) / unit;
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return worst;
}

type Named = Readonly<Record<string, Tensor | undefined>>;

const present = (tensors: Named): [string, Tensor][] =>
  Object.entries(tensors).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);

const names = (tensors: Named): string[] => present(tensors).map(([name]) => name);

/** The same tensors under the same names, in every bit. */
export function expectSame(got: Named, want: Named): void {
  expect(names(got).sort()).toEqual(names(want).sort());
  for (const [name, tensor] of present(want)) {
    expect(got[name]?.shape, name).toEqual(tensor.shape);
    expect(firstDifference((got[name] as Tensor).data, tensor.data), name).toBeUndefined();
  }
}

/** The same tensors under the same names, to a relative error below `bound`. */
export function expectNear(got: Named, want: Named, bound: number): void {
  expect(names(got).sort()).toEqual(names(want).sort());
  for (const [name, tensor] of present(want)) {
    expect(relativeError(got[name] as Tensor, tensor), name).toBeLessThan(bound);
  }
}

/** Compares what has the same name, bit for bit. */
export function expectSameBits(
  got: Readonly<Record<string, Float64Array>>,
  want: Readonly<Record<string, Float64Array>>,
  where: string,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, values] of Object.entries(want)) {
    expect(firstDifference(got[name] as Float64Array, values), `${name}, ${where}`).toBeUndefined();
  }
}
