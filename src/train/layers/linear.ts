import { type Layout, panelElements } from "../../sequence/layout.js";
import { addWeightGradient, gradientElements } from "../../sequence/weight_gradient.js";
import type { Block } from "../../wasm/arena.js";
import type { Parameter, Parameters } from "../parameters.js";
import { viewOf } from "../trained_type.js";
import type { Chunk, Layer, LayerPass, PassForm } from "./layer.js";

/** A linear layer W·h + b, whose weight may be that of the embedding. */
export class TrainedLinear implements Layer {
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #weight: Parameter;
  readonly #bias: Parameter | undefined;
  /** Whether another layer has the same weight. */
  readonly #isShared: boolean;
  readonly #inputs: number;
  /** W packed, Wᵀ packed, and zeros, max(inputs, outputs) of them. */
  readonly #block: Block;
  readonly #transposed: number;
  readonly #zeros: number;

  constructor(
    parameters: Parameters,
    weight: Parameter,
    { bias, isShared }: { readonly bias: Parameter | undefined; readonly isShared: boolean },
  ) {
    const [ny = 0, na = 0] = weight.shape;
    this.#parameters = parameters;
    this.#weight = weight;
    this.#bias = bias;
    this.#isShared = isShared;
    this.outputs = ny;
    this.#inputs = na;
    const { dtype } = parameters;
    const { panel, item } = dtype;
    const sizes = [panelElements(ny, na, panel), panelElements(na, ny, panel), Math.max(ny, na)];
    this.#block = dtype.engine.arena.allocate(sizes.reduce((sum, size) => sum + size) * item);
    this.#transposed = this.#block.pointer + (sizes[0] as number) * item;
    this.#zeros = this.#transposed + (sizes[1] as number) * item;
    viewOf(dtype, this.#zeros, sizes[2] as number).fill(0);
  }

  pack(): void {
    const [ny, na] = [this.outputs, this.#inputs];
    const { kernels } = this.#parameters.dtype;
    const W = this.#parameters.weights + this.#weight.offset;
    kernels.pack_panels(ny, na, na, 1, W, this.#block.pointer);
    kernels.pack_panels(na, ny, 1, na, W, this.#transposed);
  }

  release(): void {
    this.#block.release();
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const [ny, na] = [this.outputs, this.#inputs];
    const { dtype, weights, gradients } = this.#parameters;
    const bias = this.#bias?.offset;
    const { kernels, item } = dtype;
    const y = layout.take(capacity * ny);
    const dx = layout.take(capacity * na);
    // The gradient of a shared weight is added as a whole, so that its bits do not depend on whose part came first.
    const own = this.#isShared ? layout.take(ny * na) : undefined;
    const dW = gradients + this.#weight.offset;
    const target = own ?? dW;
    const backward = ({ base, rows }: Chunk, x: number, dy: number, scratch: number): void => {
      const d = { rows, columns: ny, pointer: dy + base * ny * item, scratch };
      if (bias !== undefined) kernels.add_rows(rows, ny, d.pointer, gradients + bias);
      const source = x + base * na * item;
      addWeightGradient(dtype, d, [
        { first: 0, outputs: ny, width: na, source, lds: na, index: 0, target },
      ]);
      const to = dx + base * na * item;
      const [panels, zeros] = [this.#transposed, this.#zeros];
      kernels.gemm_packed(rows, na, ny, ny, 0, na, d.pointer, panels, zeros, to);
    };
    return {
      scratchBytes: gradientElements(dtype, ny, na) * item,
      begin: () => {
        if (own !== undefined) viewOf(dtype, own, ny * na).fill(0);
      },
      end: () => {
        if (own !== undefined) kernels.add_rows(1, ny * na, own, dW);
      },
      forward: ({ segment: { rows } }, x) => {
        const init = bias === undefined ? this.#zeros : weights + bias;
        kernels.gemm_packed(rows, ny, na, na, 0, ny, x, this.#block.pointer, init, y);
        return y;
      },
      backward: ({ segment: { chunks } }, x, dy, scratch) => {
        for (let i = chunks.length - 1; i >= 0; i--) backward(chunks[i] as Chunk, x, dy, scratch);
        return dx;
      },
    };
  }
}
