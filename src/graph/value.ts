import type { Floats, Precision } from "../wasm/abi.js";

/**
 * What a value's numbers mean. Floats have the graph's precision. Integers (int64 and int32) are held as f64, exact to 2^53;
 * truth values are 0 or 1 in the precision of what they were computed from.
 */
export type Kind = "float" | "int" | "bool";

/** Axes of any value. */
export const MAX_RANK = 8;

/** A tensor of the graph, at one set of shapes. Compared by identity. */
export interface Value {
  readonly kind: Kind;
  readonly precision: Precision;
  readonly shape: readonly number[];
  /** The product of the shape. */
  readonly size: number;
  /** The numbers in C order, where they do not depend on what a run is given. */
  data: Floats | undefined;
  /** Which of the graph's integer inputs the numbers come from, one bit each; floats have none. */
  readonly origins: number;
}

// Loops, as every run comes here: a closure would be garbage.
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i] as number;
  return size;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bytes of one number of a precision. */
export const itemOf = (precision: Precision): 4 | 8 => (precision === "f64" ? 8 : 4);

export const allocate = (precision: Precision, size: number): Floats =>
  precision === "f64" ? new Float64Array(size) : new Float32Array(size);

/** `numbers` in a precision; itself where it has it. */
export function inPrecision(precision: Precision, numbers: Floats): Floats {
  const wanted = precision === "f64" ? Float64Array : Float32Array;
  return numbers instanceof wanted ? numbers : wanted.from(numbers as ArrayLike<number>);
}

/** The shape that numpy gives two shapes; undefined if they do not fit. */
export function broadcast(
  a: readonly number[],
  b: readonly number[],
): readonly number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** A shape with another extent of one axis. */
export const replaced = (shape: readonly number[], axis: number, extent: number): number[] =>
  shape.map((each, i) => (i === axis ? extent : each));
