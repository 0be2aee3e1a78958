import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { planTape, type Sizes } from "./plan.js";
import type { Weights } from "./weights.js";

/** What a forward pass leaves in linear memory for the backward pass. Time-major. */
export class Tape extends Shared {
  readonly weights: Weights;
  readonly sizes: Sizes;
  /** x (T, m, nx). */
  readonly x: number;
  /** h (T + 1, m, na): the initial state, then the state after each step. */
  readonly h: number;
  /** c (T + 1, m, na) likewise; for a cell without memory the same as h. */
  readonly c: number;
  /** The gates (T, m, G·na). */
  readonly z: number;
  readonly #block: Block;

  constructor(engine: Engine, weights: Weights, m: number, T: number) {
    super();
    this.sizes = { nx: weights.nx, na: weights.na, m, T };
    const at = planTape(weights.cell, this.sizes, weights.width);
    this.#block = engine.arena.allocate(at.bytes);
    this.weights = weights.retain();
    const { pointer } = this.#block;
    this.x = pointer + at.x;
    this.h = pointer + at.h;
    this.c = pointer + at.c;
    this.z = pointer + at.z;
  }

  /** Bytes of one step of x, of a state part, and of the gates. */
  get strides(): { x: number; state: number; z: number } {
    const { nx, na, m } = this.sizes;
    const { cell, width } = this.weights;
    const row = m * width.item;
    return { x: row * nx, state: row * na, z: row * na * cell.gates };
  }

  protected free(): void {
    this.#block.release();
    this.weights.release();
  }
}
