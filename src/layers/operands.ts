import { nearest } from "../options.js";
import type { StackShape } from "../sequence/shape.js";
import { checkObject, type Numbers, type Tensor } from "../tensor.js";

/** The arrays in which the numbers of a network come and go. */
export const numbersOf = ({ dtype }: StackShape): Numbers =>
  dtype.precision === "f64" ? Float64Array : Float32Array;

/**
 * Whether a tensor is at first glance (any, m, n) with all its numbers; m undefined: any. What fails goes to `checkShape`,
 * which looks at everything and explains, and costs as much as a small pass does.
 */
export function isCube(
  value: Tensor<Float64Array | Float32Array>,
  numbers: Numbers,
  m: number | undefined,
  n: number,
): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { shape, data } = value;
  if (!Array.isArray(shape) || shape.length !== 3 || !(data instanceof numbers)) return false;
  const [a, b, c] = shape as [number, number, number];
  const isWhole = Number.isSafeInteger(a) && a >= 0 && Number.isSafeInteger(b) && b >= 0;
  return isWhole && c === n && (m === undefined || b === m) && data.length === a * b * c;
}

/** Throws unless `parts` is an object that holds nothing but parts of a state. */
export function checkParts(where: string, name: string, parts: object): void {
  checkObject(where, name, parts);
  for (const key in parts) {
    if (key === "h" || key === "c") continue;
    const hint = nearest(key, ["h", "c"]) ?? "h or c";
    throw new TypeError(`${where}: ${name}: unknown part ${JSON.stringify(key)}: expected ${hint}`);
  }
}
