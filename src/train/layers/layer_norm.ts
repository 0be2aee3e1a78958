import type { Layout } from "../../sequence/layout.js";
import { ITEM } from "../../wasm/abi.js";
import type { NormPart } from "../architecture.js";
import type { Parameter, Parameters } from "../parameters.js";
import type { Chunk, Layer, LayerPass, PassForm } from "./layer.js";

/** Layer normalisation of each row. */
export class LayerNorm implements Layer {
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #gain: Parameter;
  readonly #bias: Parameter;
  readonly #epsilon: number;

  constructor(parameters: Parameters, { name, epsilon }: NormPart) {
    this.#parameters = parameters;
    this.#gain = parameters.get(`${name}.weight`);
    this.#bias = parameters.get(`${name}.bias`);
    this.#epsilon = epsilon;
    this.outputs = this.#gain.size;
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const { weights, gradients, dtype } = this.#parameters;
    const [gain, bias] = [this.#gain.offset, this.#bias.offset];
    const { kernels, item } = dtype;
    const y = layout.take(capacity * n);
    const statistics = layout.take(2 * capacity, ITEM); // f64
    return {
      scratchBytes: 0,
      forward: ({ segment: { rows } }, x) => {
        const at = [weights + gain, weights + bias] as const;
        kernels.layer_norm_forward(rows, n, this.#epsilon, x, ...at, y, statistics);
        return y;
      },
      backward: ({ segment: { chunks } }, x, dy) => {
        for (let i = chunks.length - 1; i >= 0; i--) {
          const { base, rows } = chunks[i] as Chunk;
          const row = base * n * item;
          const own = statistics + 2 * base * ITEM;
          const target = [gradients + gain, gradients + bias] as const;
          const d = dy + row;
          kernels.layer_norm_backward(rows, n, x + row, weights + gain, own, d, d, ...target);
        }
        return dy;
      },
    };
  }
}
