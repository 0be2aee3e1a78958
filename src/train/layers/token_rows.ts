import type { Layout } from "../../sequence/layout.js";
import { ITEM } from "../../wasm/abi.js";
import type { EngineCore } from "../../wasm/engine.js";
import { trainingKernels } from "../../wasm/kernel_sets.js";
import { trainerKernels } from "../../wasm/trainer_kernels.js";
import type { Parameter, Parameters } from "../parameters.js";
import type { Layer, LayerPass, PassContext, PassForm } from "./layer.js";

/** The tokens of the segment at hand, i32. */
export const tokensOf = ({ tokens, segment }: PassContext): number =>
  tokens + segment.base * Int32Array.BYTES_PER_ELEMENT;

/** For each token its row of a table. */
export class Embedding implements Layer {
  readonly outputs: number;
  readonly #parameters: Parameters;
  readonly #table: Parameter;

  constructor(parameters: Parameters, table: Parameter) {
    this.#parameters = parameters;
    this.#table = table;
    this.outputs = table.shape[1] as number;
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const { engine, weights, gradients } = this.#parameters;
    const { offset } = this.#table;
    const y = layout.take(capacity * n);
    return {
      scratchBytes: 0,
      forward: (context) => {
        const { rows } = context.segment;
        const table = weights + offset;
        trainingKernels(engine).gather_rows(rows, n, n, n, table, tokensOf(context), y);
        return y;
      },
      backward: (context, _, dy) => {
        const kernels = trainerKernels(engine);
        const tokens = tokensOf(context);
        const { chunks } = context.segment;
        for (let i = chunks.length - 1; i >= 0; i--) {
          const { base, rows } = chunks[i] as { base: number; rows: number };
          const index = tokens + base * Int32Array.BYTES_PER_ELEMENT;
          const from = dy + base * n * ITEM;
          kernels.scatter_add_rows(rows, n, n, n, from, index, gradients + offset);
        }
        return 0;
      },
    };
  }
}

/** For each token its one-hot vector. */
export class OneHot implements Layer {
  readonly outputs: number;
  readonly #engine: EngineCore;

  constructor(engine: EngineCore, tokens: number) {
    this.#engine = engine;
    this.outputs = tokens;
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const { arena } = this.#engine;
    const y = layout.take(capacity * n);
    return {
      scratchBytes: 0,
      forward: (context) => {
        const { rows } = context.segment;
        const target = arena.f64(y, rows * n).fill(0);
        arena.i32(tokensOf(context), rows).forEach((id, row) => {
          target[row * n + id] = 1;
        });
        return y;
      },
      backward: () => 0,
    };
  }
}
