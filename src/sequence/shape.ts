import type { Cell } from "../cells/cell.js";
import type { NumberType } from "../wasm/abi.js";

/** Recurrent layers on top of each other, each with one or two directions. Layer direction l·D + d is layer l in direction d. */
export interface StackShape {
  readonly dtype: NumberType;
  /** One for each direction. */
  readonly cells: readonly Cell[];
  readonly layers: number;
  /** Whether the one direction reads each sequence from its end. */
  readonly reverse: boolean;
  readonly nx: number;
  readonly na: number;
  readonly nh: number;
}

/** The sizes of one layer direction, and its number type. */
export interface LayerSizes {
  readonly dtype: NumberType;
  /** Inputs. */
  readonly nx: number;
  /** Units. */
  readonly na: number;
  /** The size of h: na, or that of a projection. */
  readonly nh: number;
}

/** D·nh, the number of columns of a layer's output. */
export const outputOf = ({ cells, nh }: StackShape): number => cells.length * nh;

/** L·D. */
export const layerDirectionCount = ({ cells, layers }: StackShape): number => layers * cells.length;

/** Whether direction d reads each sequence from its end. */
export const readsFromEnd = ({ reverse }: StackShape, d: number): boolean => reverse || d === 1;

/** Whether the state has a cell state c besides h. */
export const hasCellState = ({ cells }: StackShape): boolean => cells[0]?.hasCellState ?? false;

/** The sizes of each direction of layer l. */
export const sizesOf = (shape: StackShape, l: number): LayerSizes => ({
  dtype: shape.dtype,
  nx: l === 0 ? shape.nx : outputOf(shape),
  na: shape.na,
  nh: shape.nh,
});
