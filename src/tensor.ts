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
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "object";
}

/** Throws a `TypeError` unless `value` is an object, such as options. */
export function checkObject(where: string, name: string, value: object): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(`${where}: ${name}: expected an object, got ${describe(value)}`);
}

/** The key under which an object of this package tells which copy of the package made it. */
export const COPY: unique symbol = Symbol.for("recurra.copy") as never;

/** This copy of the package. A process has two when it loads the ES modules and the CommonJS files, or two versions. */
export const THIS_COPY: object = {};

/** What `value` is, in the words of an error message; an object that another copy of this package made is named as such. */
function describeOrigin(value: unknown): string {
  const copy = (value as { [COPY]?: unknown } | null | undefined)?.[COPY];
  if (copy === undefined || copy === THIS_COPY) return describe(value);
  return `${describe(value)} of another copy of recurra: two copies are loaded (ESM and CommonJS, or two versions); import one of them only`;
}

/**
 * Throws a `TypeError` unless `value` was made by the given class.
 *
 * @param called the class in the message: the name of the class itself may be a minifier's
 */
export function checkInstance(
  where: string,
  name: string,
  kind: abstract new (...values: never[]) => object,
  called: string,
  value: unknown,
): void {
  if (value instanceof kind) return;
  throw new TypeError(`${where}: ${name}: expected ${called}, got ${describeOrigin(value)}`);
}

/** The tag of a typed array ("Float64Array"), whichever realm made it; undefined for everything else. */
const tagOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/** The typed arrays that a user may pass, by their tags. */
interface TypedArrays {
  readonly Float64Array: Float64Array;
  readonly Float32Array: Float32Array;
  readonly Int32Array: Int32Array;
  readonly BigInt64Array: BigInt64Array;
  readonly Uint8Array: Uint8Array;
}

/**
 * Whether `value` is a typed array of this kind, also one of another realm: an iframe, or a test runner's sandbox. There
 * `instanceof` fails. A Node `Buffer` is a `Uint8Array`.
 */
export function isTypedArray<K extends keyof TypedArrays>(
  value: unknown,
  kind: K,
): value is TypedArrays[K] {
  return tagOf.call(value) === kind;
}

/** Whether `value` is a typed array of any kind, also one of another realm. */
export const isAnyTypedArray = (value: unknown): value is ArrayBufferView =>
  tagOf.call(value) !== undefined;

/** Whether `value` is an array of these numbers, also one of another realm. */
export function isNumbers<N extends Numbers>(value: unknown, numbers: N): value is InstanceType<N> {
  return isTypedArray(value, numbers === Float64Array ? "Float64Array" : "Float32Array");
}

/** Whether `value` is a `Map`, also one of another realm. */
export const isMap = (value: unknown): value is ReadonlyMap<unknown, unknown> =>
  Object.prototype.toString.call(value) === "[object Map]";

/** Whether the memory of a typed array was transferred away, as `postMessage` and `structuredClone` do. */
export function isDetached({ buffer }: ArrayBufferView): boolean {
  try {
    return new Uint8Array(buffer) === undefined;
  } catch {
    return true; // only a detached buffer refuses to be viewed
  }
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
  if (data === undefined) return { shape: own, data: zeros(size, own) };
  if (typeof data !== "object" || data === null || typeof data.length !== "number") {
    throw new TypeError(`tensor: data: expected an array of numbers, got ${describe(data)}`);
  }
  if (data.length !== size) {
    throw new ShapeError(
      `tensor: data: expected ${size} elements for shape ${formatShape(shape)}, got ${data.length}`,
    );
  }
  return { shape: own, data: isNumbers(data, Float64Array) ? data : Float64Array.from(data) };
}

/** `size` zeros. @throws {RangeError} if the host has no memory for them */
function zeros(size: number, shape: readonly number[]): Float64Array<ArrayBuffer> {
  try {
    return new Float64Array(size);
  } catch (cause) {
    const message = `tensor: shape: the host refused ${8 * size} bytes for ${formatShape(shape)}`;
    throw new RangeError(message, { cause });
  }
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
  if (!isNumbers(value.data, numbers)) {
    throw new TypeError(`${kind}, got data: ${describe(value.data)}`);
  }
  const size = sizeOf(`${where}: ${name}`, value.shape);
  if (value.data.length === size) return;
  if (isDetached(value.data)) {
    throw new TypeError(`${where}: ${name}: the buffer of its data is detached`);
  }
  throw new ShapeError(
    `${where}: ${name}: shape ${formatShape(value.shape)} asks for ${size} elements, data has ${value.data.length}`,
  );
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
    // A letter that occurs twice is explained once; an extent that is always 1 needs no explanation.
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
