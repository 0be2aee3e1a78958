import type { Output, Outputs } from "./seed.js";

/**
 * A figure printed with all its digits was summed in another order than ours: its last two of 17 digits are rounding.
 * Only such figures reach this bound; the others, with 8 decimals, are held to those.
 */
const FULL_PRECISION = 1e-14;

/** "caches[1][1][3]" → what stands there: all numbers from that place on. */
function find(outputs: Outputs, path: string): readonly number[] {
  const name = path.slice(0, path.indexOf("["));
  const indices = [...path.matchAll(/\[(\d+)\]/g)].map(([, digits]) => Number(digits));
  let place: Output | undefined = outputs[name];
  while (Array.isArray(place)) place = place[indices.shift() ?? -1] as Output | undefined;
  if (place === undefined || place === null) throw new Error(`${path}: there is no such output`);
  const { shape, data } = place as Exclude<Output, readonly Output[] | null>;
  let [start, size] = [0, data.length];
  indices.forEach((index, axis) => {
    size /= shape[axis] ?? 0;
    start += index * size;
    if (!(index < (shape[axis] ?? 0))) throw new Error(`${path}: outside shape (${shape})`);
  });
  return [...data.subarray(start, start + size)];
}

/** Decimals of a number as it is printed. */
function decimals(value: number): number {
  const [digits = "", exponent = "0"] = `${value}`.split("e");
  return (digits.split(".")[1] ?? "").length - Number(exponent);
}

/**
 * Compares figures that a text prints with outputs, each to half a unit of its last printed digit. numpy prints an array
 * with one number of decimals, and JSON forgets their trailing zeros: the longest of an array counts for all.
 *
 * @returns one line for each figure that differs
 */
export function misprints(outputs: Outputs, printed: Record<string, number | number[]>): string[] {
  return Object.entries(printed).flatMap(([path, figures]) => {
    const want = [figures].flat();
    const got = find(outputs, path);
    if (got.length !== want.length) return [`${path}: ${want.length} figures, got ${got.length}`];
    const last = Math.max(...want.map(decimals));
    return want.flatMap((figure, i) => {
      const value = got[i] as number;
      const bound = Math.max(0.5 * 10 ** -last, FULL_PRECISION * Math.abs(figure));
      // Written so that a NaN is a misprint.
      return Math.abs(value - figure) <= bound ? [] : [`${path}: printed ${figure}, got ${value}`];
    });
  });
}
