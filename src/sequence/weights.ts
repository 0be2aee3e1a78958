import { RECORD_ELEMENTS } from "../cells/activations.js";
import type { Cell, CellWeights, TransposedWeights } from "../cells/cell.js";
import { type Floats, LAYOUTS, type NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { Layout } from "./layout.js";
import type { LayerSizes, StackShape } from "./shape.js";

/** The weights of one layer direction, in the cell's order of blocks. */
export interface WeightArrays<D extends Floats = Floats> {
  /** (G·na, nx). */
  readonly Wx: D;
  /** (G·na, nh). */
  readonly Wh: D;
  readonly bias: D;
  /** The projection, (nh, na); empty without one. */
  readonly Wr: D;
  /** (3·na): i, f, o; empty without them. */
  readonly peepholes: D;
}

/** The weights of a stack. Layer direction l·D + d is layer l in direction d. */
export interface StackWeights {
  readonly shape: StackShape;
  readonly layerDirections: readonly Weights[];
}

/** The panels of the transposed matrices of a layer direction. */
export interface PackedTranspose {
  readonly block: Block;
  readonly weights: TransposedWeights;
}

/** Writes all weights of a layer direction. */
export type FillWeights = (arrays: WeightArrays) => void;

/**
 * Pointers to the matrices of weights that are trained, in memory of the trainer, and to their gradients, which a backward
 * pass adds to. The bias is the sum of two parameters: it stays with the packed weights, and the trainer sets it.
 */
export interface TrainedPlaces {
  readonly Wx: number;
  readonly Wh: number;
  readonly Wr: number;
  readonly peepholes: number;
  readonly dWx: number;
  readonly dWh: number;
  readonly dWr: number;
  readonly dPeepholes: number;
}

/** The weights of one layer direction in linear memory, as they came and packed for the products. */
export class Weights extends Shared implements CellWeights {
  readonly cell: Cell;
  readonly dtype: NumberType;
  readonly nx: number;
  readonly na: number;
  readonly nh: number;
  readonly panelsX: number;
  readonly products: readonly number[];
  readonly projection: number;
  readonly bias: number;
  readonly peepholes: number;
  readonly activations: number;
  readonly zeros: number;
  readonly engine: EngineCore;
  /** Where the matrices and their gradients are, if the weights are trained. */
  readonly trained: TrainedPlaces | undefined;
  readonly #block: Block;
  /** The matrices as they came: pointers. */
  readonly raw: { readonly Wx: number; readonly Wh: number; readonly Wr: number };
  /** The transposed matrices, once a backward pass has packed them (transposed.ts). */
  transposed: PackedTranspose | undefined;

  /** @param source writes the weights, which are then packed; or where trained weights are, which `pack` packs */
  constructor(
    engine: EngineCore,
    cell: Cell,
    sizes: LayerSizes,
    source: FillWeights | TrainedPlaces,
  ) {
    super();
    const { dtype, nx, na, nh } = sizes;
    this.dtype = dtype;
    this.cell = cell;
    this.nx = nx;
    this.na = na;
    this.nh = nh;
    this.engine = engine;
    const trained = typeof source === "function" ? undefined : source;
    this.trained = trained;
    const at = planWeights(cell, sizes, trained !== undefined);
    this.#block = engine.arena.allocate(at.bytes);
    const { pointer } = this.#block;
    this.bias = pointer + at.bias;
    this.panelsX = pointer + at.panelsX;
    this.products = at.products.map((offset) => pointer + offset);
    this.projection = pointer + at.projection;
    this.peepholes = cell.peepholes ? (trained?.peepholes ?? pointer + at.peepholes) : 0;
    this.activations = pointer + at.activations;
    this.zeros = pointer + at.zeros;
    this.raw = trained ?? { Wx: pointer + at.Wx, Wh: pointer + at.Wh, Wr: pointer + at.Wr };
    const zeros = Math.max(nx, na, nh);
    engine.arena.view(dtype.precision, this.zeros, zeros).fill(0);
    if (cell.activations !== undefined) {
      engine.arena.f64(this.activations, cell.activations.length).set(cell.activations);
    }
    if (typeof source !== "function") return;
    source(this.#arrays());
    this.pack();
  }

  /** Frees the transposed panels. */
  forgetTransposed(): void {
    this.transposed?.block.release();
    this.transposed = undefined;
  }

  /** Calls `read` with views of the weights. */
  read<R>(read: (arrays: WeightArrays<Float64Array<ArrayBuffer>>) => R): R {
    return read(this.#arrays() as WeightArrays<Float64Array<ArrayBuffer>>);
  }

  protected free(): void {
    this.#block.release();
    this.forgetTransposed();
  }

  #arrays(): WeightArrays {
    const { cell, nx, na, nh } = this;
    const { arena } = this.engine;
    const gates = cell.input.length * na;
    const view = (pointer: number, length: number): Floats =>
      arena.view(this.dtype.precision, pointer, length);
    return {
      Wx: view(this.raw.Wx, gates * nx),
      Wh: view(this.raw.Wh, gates * nh),
      bias: view(this.bias, cell.bias.length * na),
      Wr: view(this.raw.Wr, cell.projected ? nh * na : 0),
      peepholes: view(this.peepholes, cell.peepholes ? 3 * na : 0),
    };
  }

  /** Packs the matrices. Trained weights are packed after each update; `packTransposed` packs them for backward passes. */
  pack(): void {
    const { cell, nx, na, nh } = this;
    const { kernels, item } = this.dtype;
    const gates = cell.input.length * na;
    kernels.pack_panels(gates, nx, nx, 1, this.raw.Wx, this.panelsX);
    let { Wh } = this.raw;
    cell.products.forEach(({ blocks }, i) => {
      kernels.pack_panels(blocks * na, nh, nh, 1, Wh, this.products[i] as number);
      Wh += blocks * na * nh * item;
    });
    if (cell.projected) {
      kernels.pack_panels(nh, na, na, 1, this.raw.Wr, this.projection);
    }
  }
}

/** Lays out the weights of a layer direction; if they are trained, their matrices are elsewhere. */
function planWeights(cell: Cell, { dtype, nx, na, nh }: LayerSizes, isTrained: boolean) {
  const layout = new Layout(dtype);
  const gates = cell.input.length * na;
  const record = cell.activations === undefined ? 0 : RECORD_ELEMENTS;
  const own = isTrained ? 0 : 1;
  return {
    Wx: layout.take(own * gates * nx),
    Wh: layout.take(own * gates * nh),
    bias: layout.take(cell.bias.length * na),
    Wr: layout.take(cell.projected ? own * nh * na : 0),
    peepholes: layout.take(cell.peepholes ? own * 3 * na : 0),
    activations: layout.take(record, LAYOUTS.f64.item),
    zeros: layout.take(Math.max(nx, na, nh)),
    panelsX: layout.takePanels(gates, nx),
    products: cell.products.map(({ blocks }) => layout.takePanels(blocks * na, nh)),
    projection: cell.projected ? layout.takePanels(nh, na) : 0,
    bytes: layout.bytes,
  };
}
