import type { Tensor } from "../tensor.js";
import { type Floats, LAYOUTS, type NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { Layout } from "./layout.js";
import { gradientElements } from "./weight_gradient.js";

/** Wy (ny, na) and by (ny). */
export interface LinearWeights {
  readonly ny: number;
  readonly na: number;
  readonly W: ArrayLike<number>;
  readonly bias?: ArrayLike<number> | undefined;
}

/** The layer Wy·h + by in linear memory, as it came and packed for the products. An absent bias is zeros. */
export class Linear extends Shared {
  readonly ny: number;
  readonly na: number;
  readonly dtype: NumberType;
  readonly engine: EngineCore;
  /** Wy as it came: a pointer. */
  readonly W: number;
  readonly #block: Block;
  readonly #at: ReturnType<typeof planLinear>;
  /** The panels of Wyᵀ, once a loss has packed them (transposed.ts). */
  transposed: Block | undefined;

  constructor(engine: EngineCore, dtype: NumberType, { ny, na, W, bias }: LinearWeights) {
    super();
    this.dtype = dtype;
    this.ny = ny;
    this.na = na;
    this.engine = engine;
    this.#at = planLinear(ny, na, dtype);
    this.#block = engine.arena.allocate(this.#at.bytes);
    const { pointer } = this.#block;
    const { precision, kernels } = dtype;
    this.W = pointer + this.#at.W;
    engine.arena.view(precision, this.W, W.length).set(W);
    const biases = engine.arena.view(precision, pointer + this.#at.bias, ny);
    if (bias === undefined) biases.fill(0);
    else biases.set(bias);
    const panels = pointer + this.#at.panels;
    kernels.pack_panels(ny, na, na, 1, this.W, panels);
  }

  /** logits (rows, ny) = h·Wyᵀ + by for h (rows, na). */
  logits(rows: number, h: number, logits: number): void {
    const { ny, na } = this;
    const { kernels } = this.dtype;
    const panels = this.#block.pointer + this.#at.panels;
    const bias = this.#block.pointer + this.#at.bias;
    kernels.gemm_packed(rows, ny, na, na, 0, ny, h, panels, bias, logits);
  }

  /** Copies of Wy (ny, na) and by (ny, 1), f64. */
  tensors(): { W: Tensor; bias: Tensor } {
    const { ny, na } = this;
    const { arena } = this.engine;
    const { pointer } = this.#block;
    const W = arena.f64(pointer + this.#at.W, ny * na).slice();
    const bias = arena.f64(pointer + this.#at.bias, ny).slice();
    return { W: { shape: [ny, na], data: W }, bias: { shape: [ny, 1], data: bias } };
  }

  /** Fresh views of Wy and by. */
  arrays(): Floats[] {
    const { ny, na, dtype } = this;
    const { pointer } = this.#block;
    const view = (offset: number, length: number): Floats =>
      this.engine.arena.view(dtype.precision, pointer + offset, length);
    return [view(this.#at.W, ny * na), view(this.#at.bias, ny)];
  }

  protected free(): void {
    this.#block.release();
    this.transposed?.release();
  }
}

function planLinear(ny: number, na: number, dtype: NumberType) {
  const layout = new Layout(dtype);
  return {
    W: layout.take(ny * na),
    bias: layout.take(ny),
    panels: layout.takePanels(ny, na),
    bytes: layout.bytes,
  };
}

/** Lays out the gradient of a loss over `rows` rows: offsets. */
export function planLinearGradient(ny: number, na: number, rows: number) {
  const layout = new Layout();
  return {
    logits: layout.take(rows * ny),
    targets: layout.take(rows, Int32Array.BYTES_PER_ELEMENT),
    loss: layout.take(rows),
    da: layout.take(rows * na),
    dW: layout.take(ny * na),
    db: layout.take(ny),
    zeros: layout.take(na),
    gradient: layout.take(gradientElements(LAYOUTS.f64, ny, na)),
    bytes: layout.bytes,
  };
}
