import type { Cell } from "../cells/cell.js";
import type { NumberType } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import type { CellSizes } from "./plan.js";
import type { Weights } from "./weights.js";

/** Layers on top of each other, each with one or two directions. A *pass* is one layer in one direction. */
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

/** D. */
export const directionsOf = ({ cells }: StackShape): number => cells.length;

/** D·nh, the width of what a layer gives. */
export const outputOf = ({ cells, nh }: StackShape): number => cells.length * nh;

export const layerDirectionCount = ({ cells, layers }: StackShape): number => layers * cells.length;

/** Whether direction d reads each sequence from its end. */
export const readsFromEnd = ({ reverse }: StackShape, d: number): boolean => reverse || d === 1;

/** The sizes of a pass of layer l. */
export const sizesOf = (shape: StackShape, l: number): CellSizes => ({
  nx: l === 0 ? shape.nx : outputOf(shape),
  na: shape.na,
  nh: shape.nh,
});

/** The weights of a stack; pass l·D + d is layer l in direction d. */
export class Stack extends Shared {
  readonly shape: StackShape;
  readonly layerDirections: readonly Weights[];

  /** Takes over the caller's ownership of the weights. */
  constructor(shape: StackShape, passes: readonly Weights[]) {
    super();
    this.shape = shape;
    this.layerDirections = passes;
  }

  /** Packs the transposed matrices of every pass, or, where memory does not suffice, of none. */
  transpose(): void {
    const fresh = this.layerDirections.filter((weights) => !weights.isTransposed);
    try {
      for (const weights of fresh) weights.transposed();
    } catch (error) {
      for (const weights of fresh) weights.forgetTransposed();
      throw error;
    }
  }

  protected free(): void {
    for (const weights of this.layerDirections) weights.release();
  }
}

/** Pointers to the state of every pass: h (m, nh) and c (m, na), sequences in the batch's order; c is h without memory. */
export interface StateParts {
  readonly h: readonly number[];
  readonly c: readonly number[];
}
