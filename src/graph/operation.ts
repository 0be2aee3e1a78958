import type { OnnxNode } from "../formats/onnx/file.js";
import type { NodeLayer } from "../formats/onnx/layer.js";
import type { Value } from "./value.js";

/** Sizes of a window over rows and columns; a sequence has one row. */
export interface Geometry {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly output: readonly [number, number];
}

/** What each kind of operation knows besides its operands. All sizes are numbers by now. */
export interface Parameters {
  /** y = f(x). */
  unary: { code: number; alpha: number; beta: number };
  /** y = f(a, b), broadcast. */
  binary: { code: number };
  /** y = c ? a : b, broadcast. */
  select: object;
  /** Another precision; rounding 0 none, 1 to integers, 2 to 0 or 1. */
  convert: { rounding: number };
  /** The same numbers under another shape. */
  reshape: object;
  permute: { order: readonly number[] };
  /** From `starts` with `steps`, which may be negative, as many as y's shape says. */
  slice: { starts: readonly number[]; steps: readonly number[] };
  expand: object;
  concat: { axis: number };
  /** y = `value` around x, which begins at `starts`. */
  pad: { starts: readonly number[]; value: number };
  /** x (outer, n, inner) → y (outer, inner). */
  reduce: { code: number; outer: number; n: number; inner: number };
  arg: { least: boolean; last: boolean; outer: number; n: number; inner: number };
  cumulate: {
    exclusive: boolean;
    reverse: boolean;
    outer: number;
    n: number;
    inner: number;
  };
  softmax: { log: boolean; rows: number; n: number };
  /** Rows of x, then scale and bias of one row if they are given. */
  normalise: { rows: number; n: number; epsilon: number };
  /** √(a² + b²). */
  magnitude: object;
  /** a (…, m, k) · b (…, k, n), leading axes broadcast; a third operand is a bias (n). */
  matmul: object;
  /** x (N, C, h, w), W (M, C / groups, kh, kw) and perhaps a bias (M). */
  conv: Geometry & { groups: number };
  /** x (N, C, h, w), W (C, M / groups, kh, kw) and perhaps a bias (M). */
  convTranspose: Geometry & { groups: number };
  /** x (N, C, h, w). Kind 0 maximum, 1 mean, 2 mean with padding. */
  pool: Geometry & { mode: 0 | 1 | 2 };
  /** X and initial states (h, then c) where they are given → Y, Y_h, Y_c. */
  recurrent: {
    node: OnnxNode;
    layer: NodeLayer;
    h: boolean;
    c: boolean;
    lengths: readonly number[] | undefined;
  };
  /** x (outer, n, inner) picked by indices along the middle axis. */
  gather: { outer: number; n: number; inner: number };
  gatherElements: { outer: number; n: number; inner: number; count: number };
  /** x, indices (count, depth), updates (count, block). */
  scatter: { extents: readonly number[]; block: number; count: number };
  top: { largest: boolean; outer: number; n: number; inner: number; k: number };
}

export type OperationKind = keyof Parameters;

/** One step of a graph whose sizes are known. */
export type Operation<K extends OperationKind = OperationKind> = {
  [kind in K]: {
    readonly kind: kind;
    readonly inputs: readonly Value[];
    readonly outputs: readonly Value[];
    /** The node it comes from, for messages. */
    readonly where: string;
  } & Readonly<Parameters[kind]>;
}[K];
