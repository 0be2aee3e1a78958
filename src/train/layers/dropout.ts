import type { Layout } from "../../sequence/layout.js";
import type { TrainedType } from "../trained_type.js";
import type { Layer, LayerPass, PassContext, PassForm } from "./layer.js";

/** Sets numbers to 0 with probability p and scales the others by 1 / (1 − p), in training alone: each number for itself. */
export class Dropout implements Layer {
  readonly outputs: number;
  readonly #p: number;
  readonly #dtype: TrainedType;

  constructor(dtype: TrainedType, outputs: number, p: number) {
    this.#dtype = dtype;
    this.outputs = outputs;
    this.#p = p;
  }

  plan(layout: Layout, { rows: capacity, total, draw }: PassForm): LayerPass {
    const width = this.outputs;
    const { kernels } = this.#dtype;
    const y = layout.take(capacity * width);
    const mask = layout.take(capacity * width);
    // A row's numbers depend on its place in the batch, not on the segment in which it is computed.
    const offset = draw(total * width);
    return {
      scratchBytes: 0,
      forward: ({ dropout, segment: { base, rows } }, x) => {
        if (dropout === undefined) return x;
        const { low, high } = dropout.seed;
        const first = dropout.first + offset + base * width;
        kernels.dropout_mask(rows * width, this.#p, low, high, first, mask);
        kernels.multiply_map(rows * width, x, mask, y);
        return y;
      },
      backward: ({ dropout, segment: { rows } }, _, dy) => {
        if (dropout !== undefined) kernels.multiply_map(rows * width, dy, mask, dy);
        return dy;
      },
    };
  }
}

/** The same with one mask for each sequence, which all of its steps share: variational dropout (Gal and Ghahramani 2016). */
export class VariationalDropout implements Layer {
  readonly outputs: number;
  readonly #p: number;
  readonly #dtype: TrainedType;

  constructor(dtype: TrainedType, outputs: number, p: number) {
    this.#dtype = dtype;
    this.outputs = outputs;
    this.#p = p;
  }

  plan(layout: Layout, { m, rows: capacity, draw }: PassForm): LayerPass {
    const n = this.outputs;
    const { kernels, item } = this.#dtype;
    const y = layout.take(capacity * n);
    // In the caller's order of sequences, and in the batch's.
    const drawn = layout.take(m * n);
    const mask = layout.take(m * n);
    const offset = draw(m * n);
    /** Multiplies the rows of each step by the masks of their sequences, which come first in every step. */
    const apply = ({ batch, segment }: PassContext, x: number, to: number): void => {
      for (let t = segment.first; t < segment.last; t++) {
        const at = (batch.start(t) - segment.base) * n * item;
        kernels.multiply_map(batch.active(t) * n, x + at, mask, to + at);
      }
    };
    return {
      scratchBytes: 0,
      begin: ({ dropout, order }) => {
        if (dropout === undefined) return;
        const { low, high } = dropout.seed;
        kernels.dropout_mask(m * n, this.#p, low, high, dropout.first + offset, drawn);
        kernels.gather_rows(m, n, n, n, drawn, order, mask);
      },
      forward: (context, x) => {
        if (context.dropout === undefined) return x;
        apply(context, x, y);
        return y;
      },
      backward: (context, _, dy) => {
        if (context.dropout !== undefined) apply(context, dy, dy);
        return dy;
      },
    };
  }
}
