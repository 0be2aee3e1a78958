import type { Cell } from "../cells/cell.js";
import { type Floats, ITEM, type Width } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { planTransposedWeights, planWeights } from "./plan.js";

/** Fills W (G·na, na + nx; hidden columns first, gate blocks in the cell's order) and the bias (G·na). */
export type FillWeights = (W: Floats, bias: Floats) => void;

/** The weights of one recurrent layer in linear memory, as they came and packed for the products. */
export class Weights extends Shared {
  readonly cell: Cell;
  readonly width: Width;
  readonly nx: number;
  readonly na: number;
  readonly #engine: Engine;
  readonly #block: Block;
  readonly #at: ReturnType<typeof planWeights>;
  #transposed: { block: Block; at: ReturnType<typeof planTransposedWeights> } | undefined;

  constructor(engine: Engine, width: Width, cell: Cell, nx: number, na: number, fill: FillWeights) {
    super();
    this.width = width;
    this.cell = cell;
    this.nx = nx;
    this.na = na;
    this.#engine = engine;
    this.#at = planWeights(cell, nx, na, width);
    this.#block = engine.arena.allocate(this.#at.bytes);
    const { precision, kernels, item } = width;
    const { pointer } = this.#block;
    fill(
      engine.arena.view(precision, pointer + this.#at.W, cell.gates * na * (na + nx)),
      engine.arena.view(precision, this.bias, cell.gates * na),
    );
    const rows = cell.gates * na;
    const stride = na + nx;
    const wh = pointer + this.#at.W;
    const wx = wh + na * item;
    kernels.pack_panels(rows, na, stride, 1, wh, this.panelsH);
    kernels.pack_panels(rows, nx, stride, 1, wx, this.panelsX);
  }

  /** Wh (G·na, na), packed. */
  get panelsH(): number {
    return this.#block.pointer + this.#at.panelsH;
  }

  /** Wx (G·na, nx), packed. */
  get panelsX(): number {
    return this.#block.pointer + this.#at.panelsX;
  }

  get bias(): number {
    return this.#block.pointer + this.#at.bias;
  }

  /** The panels of Whᵀ and Wxᵀ, f64, packed at the first backward pass. May allocate. */
  transposed(): { panelsH: number; panelsX: number } {
    this.#transposed ??= this.#packTransposed();
    const { block, at } = this.#transposed;
    return { panelsH: block.pointer + at.panelsH, panelsX: block.pointer + at.panelsX };
  }

  /** Hands fresh views of W and the bias, f64, to `read`. */
  read<R>(read: (W: Float64Array, bias: Float64Array) => R): R {
    const { arena } = this.#engine;
    const rows = this.cell.gates * this.na;
    const W = arena.f64(this.#block.pointer + this.#at.W, rows * (this.na + this.nx));
    return read(W, arena.f64(this.bias, rows));
  }

  protected free(): void {
    this.#block.release();
    this.#transposed?.block.release();
  }

  #packTransposed() {
    const { cell, nx, na } = this;
    const { arena, kernels } = this.#engine;
    const at = planTransposedWeights(cell, nx, na);
    const block = arena.allocate(at.bytes);
    const columns = cell.gates * na;
    const wh = this.#block.pointer + this.#at.W;
    kernels.pack_panels(na, columns, 1, na + nx, wh, block.pointer + at.panelsH);
    kernels.pack_panels(nx, columns, 1, na + nx, wh + na * ITEM, block.pointer + at.panelsX);
    return { block, at };
  }
}
