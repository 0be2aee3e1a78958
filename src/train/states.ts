import { Layout } from "../sequence/layout.js";
import type { StackShape } from "../sequence/shape.js";
import type { Floats } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { type TrainedType, viewOf } from "./trained_type.js";

/** The state of one recurrent layer: pointers to h (D, m, nh) and c (D, m, na), in the caller's order of sequences. */
export interface LayerState {
  readonly h: number;
  readonly c: number;
}

/** The states in which a pass left its sequences, layer by layer, for a next pass that goes on from there. */
export class CarriedStates extends Shared {
  readonly #dtype: TrainedType;
  /** For each layer its stack. */
  readonly #layers: readonly StackShape[];
  #block: Block | undefined;
  #m = 0;
  #states: LayerState[] = [];

  constructor(dtype: TrainedType, shapes: readonly StackShape[]) {
    super();
    this.#dtype = dtype;
    this.#layers = shapes.flatMap((shape) => Array.from({ length: shape.layers }, () => shape));
  }

  /** The number of sequences whose states are kept; 0 if none are. */
  get m(): number {
    return this.#m;
  }

  /** All numbers of the states. */
  view(): Floats {
    const block = this.#block;
    if (block === undefined) return new Float64Array(0);
    return viewOf(this.#dtype, block.pointer, this.elements(this.#m));
  }

  /** The numbers of the states of m sequences, with their padding. */
  elements(m: number): number {
    return this.#layOut(m).bytes / this.#dtype.item;
  }

  /** Makes place for the states of m sequences: zeros, unless they have it already. May allocate. */
  reserve(m: number): void {
    if (this.#m === m) return;
    this.clear();
    const { offsets, bytes } = this.#layOut(m);
    this.#block = this.#dtype.engine.arena.allocate(bytes);
    const { pointer } = this.#block;
    this.#states = offsets.map(({ h, c }) => ({ h: pointer + h, c: pointer + c }));
    this.#m = m;
    this.view().fill(0);
  }

  #layOut(m: number): { offsets: LayerState[]; bytes: number } {
    const layout = new Layout(this.#dtype);
    const offsets = this.#layers.map(({ cells, na, nh }) => ({
      h: layout.take(cells.length * m * nh),
      c: layout.take(cells[0]?.hasCellState ? cells.length * m * na : 0),
    }));
    return { offsets, bytes: layout.bytes };
  }

  /** The state of a layer, counted through all stacks. */
  of(layer: number): LayerState {
    return this.#states[layer] as LayerState;
  }

  /** Forgets the states. */
  clear(): void {
    this.#block?.release();
    this.#block = undefined;
    this.#states = [];
    this.#m = 0;
  }

  protected free(): void {
    this.clear();
  }
}
