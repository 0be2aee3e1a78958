import { nearest } from "../options.js";
import type { StackShape } from "../sequence/shape.js";
import { checkObject, formatShape, type Numbers, type Tensor } from "../tensor.js";

/** The typed array that holds the numbers of a network's tensors. */
export const numbersOf = ({ dtype }: StackShape): Numbers =>
  dtype.precision === "f64" ? Float64Array : Float32Array;

/**
 * Whether a tensor is (any, m, n) and complete, m undefined meaning any: the fast path. A tensor that fails here goes to
 * `checkShape`, which checks in full and explains, and takes as long as a small pass.
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

/** Throws a `TypeError` unless `parts` is an object with no other keys than those of a state. */
export function checkParts(where: string, name: string, parts: object): void {
  checkObject(where, name, parts);
  for (const key in parts) {
    if (key === "h" || key === "c") continue;
    const hint = nearest(key, ["h", "c"]) ?? "h or c";
    throw new TypeError(`${where}: ${name}: unknown part ${JSON.stringify(key)}: expected ${hint}`);
  }
}

/** A tensor of zeros. @throws {RangeError} if the host has no memory for it */
export function newTensor<D extends Float64Array | Float32Array>(
  where: string,
  shape: readonly number[],
  numbers: Numbers,
): Tensor<D> {
  const size = shape.reduce((product, extent) => product * extent, 1);
  try {
    return { shape, data: new numbers(size) as D };
  } catch (cause) {
    const bytes = size * numbers.BYTES_PER_ELEMENT;
    const message = `${where}: the host refused ${bytes} bytes for ${formatShape(shape)}`;
    throw new RangeError(message, { cause });
  }
}
