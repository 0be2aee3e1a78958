/** What is compared: a tensor of the oracle or of the engine. */
interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

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
export function relativeError(got: Numbers, want: Numbers): number {
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
