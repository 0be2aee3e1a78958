import type { DenseDescription, InputDescription } from "../../description/description.js";
import type { NodeProto } from "./proto.js";

type Floats = Float64Array | Float32Array;

/** One axis, or one factor of a flattened axis. Compared by identity. */
export interface Label {
  /** Its extent, if the file gives it. */
  readonly size: number | undefined;
}

/** Extents that were flattened into one; usually a single label. */
export type Axis = readonly Label[];

/** One recurrent node of a chain. */
export interface ChainLink {
  readonly name: string;
  readonly node: NodeProto;
  readonly directions: number;
  readonly reverse: boolean;
}

/** The layers that a value has passed, from the graph's input upwards. */
export interface Chain {
  readonly input: InputDescription | undefined;
  readonly recurrent: readonly ChainLink[];
  readonly dense: readonly DenseDescription[];
  readonly output: "steps" | "last";
  readonly time: Label | undefined;
  readonly batch: Label | undefined;
}

/** A constant: numbers of the file, or numbers folded from them. */
export interface Known {
  readonly kind: "known";
  readonly shape: readonly number[];
  readonly data: Floats;
  /** Whether the numbers are integers, such as a shape. */
  readonly whole: boolean;
  /** The initializer that the numbers come from. */
  readonly name: string;
}

/** A value that depends on the input sequence: tokens, features, outputs of layers. */
export interface Flow {
  readonly kind: "flow";
  readonly axes: readonly Axis[];
  /** The axes that make up one step's vector, in order; empty until known. */
  readonly features: readonly Label[];
  readonly whole: boolean;
  readonly chain: Chain;
  /** The direction, if the value is the state of one of two directions. */
  readonly part?: number;
}

/** A value of the graph, as far as it is known without running the graph. */
export type Value =
  | Known
  | Flow
  /** Zeros of any shape. */
  | { readonly kind: "zeros" }
  /** Integers that depend on the input's sizes: known numbers and labels. */
  | { readonly kind: "sizes"; readonly items: readonly (number | Label)[] }
  /** A part of a graph's input that is not a sequence, such as an initial state or lengths. */
  | { readonly kind: "given" }
  /** States along axis 0. */
  | { readonly kind: "stack"; readonly items: readonly Flow[] }
  /** The output of an operator that is not supported. */
  | { readonly kind: "opaque"; readonly node: NodeProto };

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

/** A tensor whose element (i, j, …) is element offset + i·strides[0] + j·strides[1] + … of the source. */
export function strided(
  source: Known,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Known {
  const size = sizeOf(shape);
  const data =
    source.data instanceof Float64Array ? new Float64Array(size) : new Float32Array(size);
  const index = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < size; i++) {
    data[i] = source.data[from] as number;
    for (let k = shape.length - 1; k >= 0; k--) {
      const [stride, extent] = [strides[k] as number, shape[k] as number];
      from += stride;
      index[k] = (index[k] as number) + 1;
      if ((index[k] as number) < extent) break;
      from -= stride * extent;
      index[k] = 0;
    }
  }
  return { ...source, shape, data };
}

/** The distance from one element to the next along each axis. */
export const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, i) => sizeOf(shape.slice(i + 1)));

export function transposed(source: Known, order: readonly number[]): Known {
  const strides = stridesOf(source.shape);
  return strided(
    source,
    order.map((axis) => source.shape[axis] as number),
    order.map((axis) => strides[axis] as number),
  );
}

/** The part from `begin` to `end` along one axis. */
export function sliced(source: Known, axis: number, begin: number, end: number): Known {
  const strides = stridesOf(source.shape);
  const shape = source.shape.map((extent, i) => (i === axis ? end - begin : extent));
  return strided(source, shape, strides, begin * (strides[axis] as number));
}

export function concatenated(parts: readonly Known[], axis: number): Known {
  const [first] = parts as [Known];
  const extent = parts.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
  const shape = first.shape.map((each, i) => (i === axis ? extent : each));
  const narrow = parts.every(({ data }) => data instanceof Float32Array);
  const data = narrow ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  let to = 0;
  for (let i = 0; i < outer; i++) {
    for (const part of parts) {
      const block = part.data.length / outer;
      data.set(part.data.subarray(i * block, (i + 1) * block), to);
      to += block;
    }
  }
  return { ...first, shape, data };
}
