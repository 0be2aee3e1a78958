import { ShapeError } from "./errors.js";

/** Numbers with a shape, in C order as numpy: the last axis varies fastest. */
export interface Tensor<D extends Float64Array | Float32Array = Float64Array> {
  readonly shape: readonly number[];
  readonly data: D;
}

/** A readable shape: `(3, 10, 7)`, `(5,)`. */
export function formatShape(shape: readonly (number | string)[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** What a value is, in the words of an error message. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}

/** Throws a `TypeError` unless `value` is an object, such as options. */
export function checkObject(where: string, name: string, value: object): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(`${where}: ${name}: expected an object, got ${describe(value)}`);
}

/**
 * Throws a `TypeError` unless `value` was made by the given class. `called` is the class's name for the message: its own
 * may be a minifier's.
 */
export function checkInstance(
  where: string,
  name: string,
  kind: abstract new (...values: never[]) => object,
  called: string,
  value: unknown,
): void {
  if (value instanceof kind) return;
  throw new TypeError(`${where}: ${name}: expected ${called}, got ${describe(value)}`);
}

function sizeOf(where: string, shape: readonly number[]): number {
  let size = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw new ShapeError(`${where}: shape: expected integers ≥ 0, got ${formatShape(shape)}`);
    }
    size *= extent;
  }
  if (!Number.isSafeInteger(size)) {
    throw new ShapeError(`${where}: shape: ${formatShape(shape)} has too many elements`);
  }
  return size;
}

/**
 * Makes a tensor of the given shape.
 *
 * @param shape integers ≥ 0
 * @param data the elements in C order, copied unless they already are a `Float64Array`; zeros where absent
 * @throws {TypeError} if `shape` is no array or `data` holds no numbers
 * @throws {ShapeError} if `data` has another number of elements than `shape` says
 */
export function tensor(shape: readonly number[], data?: ArrayLike<number>): Tensor {
  if (!Array.isArray(shape)) {
    throw new TypeError(`tensor: shape: expected an array of integers, got ${describe(shape)}`);
  }
  const size = sizeOf("tensor", shape);
  const own = [...shape];
  if (data === undefined) return { shape: own, data: new Float64Array(size) };
  if (typeof data !== "object" || data === null || typeof data.length !== "number") {
    throw new TypeError(`tensor: data: expected an array of numbers, got ${describe(data)}`);
  }
  if (data.length !== size) {
    throw new ShapeError(
      `tensor: data: expected ${size} elements for shape ${formatShape(shape)}, got ${data.length}`,
    );
  }
  return { shape: own, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** The arrays that a tensor's numbers may come in. */
export type Numbers = typeof Float64Array | typeof Float32Array;

/** Throws a `TypeError` unless `value` is a consistent tensor of the given kind of numbers. */
export function checkTensor(
  where: string,
  name: string,
  value: Tensor<Float64Array | Float32Array>,
  numbers: Numbers = Float64Array,
): void {
  const kind = `${where}: ${name}: expected a tensor { shape, data: ${numbers.name} }`;
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${kind}, got ${describe(value)}`);
  }
  if (!Array.isArray(value.shape))
    throw new TypeError(`${kind}, got shape: ${describe(value.shape)}`);
  if (!(value.data instanceof numbers)) {
    throw new TypeError(`${kind}, got data: ${describe(value.data)}`);
  }
  const size = sizeOf(`${where}: ${name}`, value.shape);
  if (value.data.length !== size) {
    throw new ShapeError(
      `${where}: ${name}: shape ${formatShape(value.shape)} asks for ${size} elements, data has ${value.data.length}`,
    );
  }
}

/**
 * Throws a `ShapeError` unless the tensor has the expected extents.
 *
 * @param letters the extents' names, such as `["nx", "m", "T"]`
 * @param sizes what they must be, letter by letter; `undefined` where the tensor itself decides
 * @param origin where a size comes from, such as `with nx = 3 (from Wf)`
 */
export function checkShape(
  where: string,
  name: string,
  value: Tensor<Float64Array | Float32Array>,
  letters: readonly string[],
  sizes: readonly (number | undefined)[],
  origin: string,
  numbers: Numbers = Float64Array,
): void {
  checkTensor(where, name, value, numbers);
  const { shape } = value;
  const wrong = (extent: number, i: number): boolean =>
    sizes[i] !== undefined && sizes[i] !== extent;
  if (shape.length === letters.length && !shape.some(wrong)) return;
  const known = letters
    .map((letter, i) => ({ letter, size: sizes[i] }))
    // A letter that stands twice is said once; an extent that is always 1 needs no saying.
    .filter(
      ({ letter, size }, i) =>
        size !== undefined && letter !== "1" && letters.indexOf(letter) === i,
    )
    .map(({ letter, size }) => `${letter} = ${size}`);
  const reason = known.length === 0 ? "" : ` with ${known.join(", ")}${origin}`;
  throw new ShapeError(
    `${where}: ${name}: expected ${formatShape(letters)}${reason}, got ${formatShape(shape)}`,
  );
}
