import type { Layout } from "../../sequence/layout.js";
import type { Parameter, Parameters } from "../parameters.js";
import { type TrainedType, viewOf } from "../trained_type.js";
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
    const { dtype, weights, gradients } = this.#parameters;
    const { kernels, item } = dtype;
    const { offset } = this.#table;
    const y = layout.take(capacity * n);
    return {
      scratchBytes: 0,
      forward: (context) => {
        const { rows } = context.segment;
        const table = weights + offset;
        kernels.gather_rows(rows, n, n, n, table, tokensOf(context), y);
        return y;
      },
      backward: (context, _, dy) => {
        const tokens = tokensOf(context);
        const { chunks } = context.segment;
        for (let i = chunks.length - 1; i >= 0; i--) {
          const { base, rows } = chunks[i] as { base: number; rows: number };
          const index = tokens + base * Int32Array.BYTES_PER_ELEMENT;
          const from = dy + base * n * item;
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
  readonly #dtype: TrainedType;

  constructor(dtype: TrainedType, tokens: number) {
    this.#dtype = dtype;
    this.outputs = tokens;
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const dtype = this.#dtype;
    const y = layout.take(capacity * n);
    return {
      scratchBytes: 0,
      forward: (context) => {
        const { rows } = context.segment;
        const target = viewOf(dtype, y, rows * n).fill(0);
        dtype.engine.arena.i32(tokensOf(context), rows).forEach((id, row) => {
          target[row * n + id] = 1;
        });
        return y;
      },
      backward: () => 0,
    };
  }
}
