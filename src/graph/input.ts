import { ShapeError } from "../errors.js";
import type { ValueProto } from "../formats/onnx/proto.js";
import { describe, formatShape, isAnyTypedArray, isTypedArray } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { kindOf } from "./operators/elementwise.js";
import { allocate, itemOf, type Kind, sameShape, sizeOf } from "./value.js";

/** Numbers that a graph takes: integers as numbers or as BigInts. */
export type GraphNumbers =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint8Array
  | BigInt64Array
  | readonly (number | bigint | boolean)[];

/** What a graph takes: numbers with a shape; alone for a scalar, and where the shape is fixed. */
export type GraphInput =
  | number
  | bigint
  | boolean
  | GraphNumbers
  | { readonly shape: readonly number[]; readonly data: GraphNumbers };

/** What a graph gives. Integers are `BigInt64Array`, truth values `Uint8Array`. */
export interface GraphOutput {
  shape: number[];
  data: Float32Array | Float64Array | BigInt64Array | Uint8Array;
}

/** An input or output as the file declares it. */
export interface GraphPort {
  readonly type: "float" | "int64" | "bool";
  /** Extents; a name, or null where the file says nothing. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** An input of the graph. */
export interface Declared {
  readonly name: string;
  readonly kind: Kind;
  readonly precision: Precision;
  readonly shape: readonly (number | string | null)[] | undefined;
  /** Its place among the inputs or outputs. */
  readonly index: number;
}

/** How exporters write that an extent is not known. */
const UNKNOWN: readonly unknown[] = ["", 0, -1];

export function declaredOf(
  { name, dtype, shape }: ValueProto,
  precision: Precision,
  index: number,
): Declared | undefined {
  const kind = kindOf(dtype === 0 ? 1 : dtype, precision);
  const open = shape?.map((extent) => (UNKNOWN.includes(extent) ? null : extent));
  return kind && { name, ...kind, shape: open, index };
}

const TYPES = { float: "float", int: "int64", bool: "bool" } as const;

export const portOf = ({ kind, shape }: Declared): GraphPort => ({ type: TYPES[kind], shape });

/** A given input, its numbers not yet looked at. */
export interface Given {
  shape: readonly number[];
  data: GraphNumbers;
  /** The shape where it is known already. */
  readonly fixed?: readonly number[] | undefined;
}

const isNumbers = (value: unknown): value is GraphNumbers =>
  isAnyTypedArray(value) || Array.isArray(value);

/**
 * The shape and numbers of what the caller gives for an input.
 *
 * @param target what is filled: steady runs make no garbage
 */
export function takeInput(
  where: string,
  declared: Declared,
  value: GraphInput,
  target: Given = { shape: [], data: [] },
): Given {
  const { name } = declared;
  const { fixed } = target;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    const shape =
      fixed ?? declared.shape?.map((extent) => (typeof extent === "number" ? extent : 1));
    const single = shape !== undefined && sizeOf(shape) === 1 ? shape : [];
    return checked(where, declared, filled(target, single, [value as number]));
  }
  if (isNumbers(value)) {
    const shape = fixed ?? closed(declared);
    if (shape === undefined) {
      const got = describe(value);
      throw new TypeError(
        `${where}: ${name}: expected { shape, data }, as its shape is open, got ${got}`,
      );
    }
    return checked(where, declared, filled(target, shape, value));
  }
  const { shape, data } = (value ?? {}) as Given;
  if (!Array.isArray(shape) || !isNumbers(data)) {
    throw new TypeError(
      `${where}: ${name}: expected a number or { shape, data }, got ${describe(value)}`,
    );
  }
  return checked(where, declared, filled(target, shape, data));
}

function filled(target: Given, shape: readonly number[], data: GraphNumbers): Given {
  target.shape = shape;
  target.data = data;
  return target;
}

/** A declared shape without open extents. */
export function closed({ shape }: Declared): readonly number[] | undefined {
  if (shape === undefined) return undefined;
  for (let i = 0; i < shape.length; i++) if (typeof shape[i] !== "number") return undefined;
  return shape as readonly number[];
}

/** Throws unless a shape fits the declared one and its data, and the data are numbers of its kind. */
function checked(where: string, { name, kind, shape: declared }: Declared, given: Given): Given {
  const { shape, data } = given;
  let fits = declared === undefined || declared.length === shape.length;
  let isShape = true;
  // A loop, as every push comes here.
  for (let i = 0; i < shape.length; i++) {
    const extent = shape[i] as number;
    const known = declared?.[i];
    isShape &&= Number.isSafeInteger(extent) && extent >= 0;
    fits &&= typeof known !== "number" || known === extent;
  }
  if (!isShape || !fits) {
    const letters = declared?.map((extent) => extent ?? "?") ?? [];
    const expected = fits ? "integers ≥ 0" : formatShape(letters);
    throw new ShapeError(`${where}: ${name}: expected ${expected}, got ${formatShape(shape)}`);
  }
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${where}: ${name}: shape ${formatShape(shape)} asks for ${sizeOf(shape)} elements, data has ${data.length}`,
    );
  }
  checkNumbers(where, name, kind, data);
  return given;
}

/** Throws unless these are numbers of the kind. */
function checkNumbers(where: string, name: string, kind: Kind, data: GraphNumbers): void {
  if (kind !== "float") {
    for (let i = 0; i < data.length; i++) {
      if (Number.isInteger(Number(data[i]))) continue;
      throw new TypeError(`${where}: ${name}: expected integers, got ${String(data[i])}`);
    }
    return;
  }
  if (isTypedArray(data, "Float32Array") || isTypedArray(data, "Float64Array")) return;
  if (Array.isArray(data) && data.every((value) => typeof value === "number")) return;
  throw new TypeError(
    `${where}: ${name}: expected Float32Array or Float64Array, got ${describe(data)}`,
  );
}

/** Writes the numbers of an input, which were checked, to where a program reads them. */
export function writeNumbers(
  { kind }: Declared,
  data: GraphNumbers,
  target: Floats,
  offset = 0,
): void {
  if (kind === "float") {
    target.set(data as ArrayLike<number>, offset);
    return;
  }
  for (let i = 0; i < data.length; i++) {
    const number = Number(data[i]);
    target[offset + i] = kind === "bool" ? Math.min(Math.abs(number), 1) : number;
  }
}

/** The numbers of an input, which were checked, as a constant. */
export function numbersOf(declared: Declared, { data }: Given): Floats {
  const target = allocate(declared.precision, data.length);
  writeNumbers(declared, data, target);
  return target;
}

/** An integer as int64; what a division by zero leaves becomes 0. */
const integerOf = (number: number): bigint =>
  Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n;

/** Reads an output; into `into` where that has the right size. */
export function readOutput(
  kind: Kind,
  shape: readonly number[],
  numbers: Floats,
  into: GraphOutput | undefined,
): GraphOutput {
  const same = into !== undefined && sameShape(into.shape, shape) ? into : undefined;
  if (kind === "float") {
    if (same !== undefined && same.data.constructor === numbers.constructor) {
      (same.data as Float64Array).set(numbers);
      return same;
    }
    return { shape: [...shape], data: numbers.slice() };
  }
  if (kind === "int") {
    const data = isTypedArray(same?.data, "BigInt64Array")
      ? same.data
      : new BigInt64Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) data[i] = integerOf(numbers[i] as number);
    return same?.data === data ? same : { shape: [...shape], data };
  }
  const data = isTypedArray(same?.data, "Uint8Array") ? same.data : new Uint8Array(numbers.length);
  data.set(numbers);
  return same?.data === data ? same : { shape: [...shape], data };
}

export const bytesOf = ({ precision }: Declared, shape: readonly number[]): number =>
  sizeOf(shape) * itemOf(precision);
