import type { Tensor } from "../tensor.js";
import type { Kernels } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { planHead, planTransposedHead } from "./plan.js";

/** The output layer Wy·h + by in linear memory, as it came and packed for the products. */
export class Head extends Shared {
  readonly ny: number;
  readonly na: number;
  readonly #engine: Engine;
  readonly #block: Block;
  readonly #at: ReturnType<typeof planHead>;
  /** The panels of Wyᵀ. */
  #transposed: Block | undefined;

  constructor(engine: Engine, ny: number, na: number, W: Float64Array, bias: Float64Array) {
    super();
    this.ny = ny;
    this.na = na;
    this.#engine = engine;
    this.#at = planHead(ny, na);
    this.#block = engine.arena.allocate(this.#at.bytes);
    const { pointer } = this.#block;
    engine.arena.f64(pointer + this.#at.W, W.length).set(W);
    engine.arena.f64(pointer + this.#at.bias, ny).set(bias);
    const panels = pointer + this.#at.panels;
    engine.kernels.pack_panels(ny, na, na, 1, pointer + this.#at.W, panels);
  }

  /** logits (rows, ny) = h·Wyᵀ + by for h (rows, na). */
  logits(kernels: Kernels, rows: number, h: number, logits: number): void {
    const { ny, na } = this;
    const panels = this.#block.pointer + this.#at.panels;
    const bias = this.#block.pointer + this.#at.bias;
    kernels.gemm_packed(rows, ny, na, na, 0, ny, h, panels, bias, logits);
  }

  /** The panels of Wyᵀ, packed at the first use. May allocate. */
  transposed(): number {
    if (this.#transposed === undefined) {
      const { ny, na } = this;
      this.#transposed = this.#engine.arena.allocate(planTransposedHead(ny, na).bytes);
      const W = this.#block.pointer + this.#at.W;
      this.#engine.kernels.pack_panels(na, ny, 1, na, W, this.#transposed.pointer);
    }
    return this.#transposed.pointer;
  }

  /** Copies of Wy (ny, na) and by (ny, 1). */
  tensors(): { W: Tensor; bias: Tensor } {
    const { ny, na } = this;
    const { arena } = this.#engine;
    const { pointer } = this.#block;
    const W = arena.f64(pointer + this.#at.W, ny * na).slice();
    const bias = arena.f64(pointer + this.#at.bias, ny).slice();
    return { W: { shape: [ny, na], data: W }, bias: { shape: [ny, 1], data: bias } };
  }

  protected free(): void {
    this.#block.release();
    this.#transposed?.release();
  }
}
