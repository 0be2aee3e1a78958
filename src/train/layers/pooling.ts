import type { Layout } from "../../sequence/layout.js";
import type { OutputOf } from "../architecture.js";
import { type TrainedType, viewOf } from "../trained_type.js";
import type { Layer, LayerPass, PassContext, PassForm } from "./layer.js";

/** One row for each sequence: the end of it, in each of D directions, or the mean or the maximum of its steps. */
export class Pooling implements Layer {
  readonly outputs: number;
  readonly #dtype: TrainedType;
  readonly #of: Exclude<OutputOf, "step">;
  /** For each block of columns whether it belongs to a direction that reads from the end. */
  readonly #blocks: readonly boolean[];

  constructor(
    dtype: TrainedType,
    outputs: number,
    of: Exclude<OutputOf, "step">,
    blocks: readonly boolean[],
  ) {
    this.#dtype = dtype;
    this.outputs = outputs;
    this.#of = of;
    this.#blocks = blocks;
  }

  plan(layout: Layout, form: PassForm): LayerPass {
    if (this.#of === "mean") return this.#mean(layout, form);
    return this.#of === "max" ? this.#max(layout, form) : this.#last(layout, form);
  }

  /** Segments add to the sum; the last one makes it the mean. */
  #mean(layout: Layout, { m, rows: capacity, segments }: PassForm): LayerPass {
    const n = this.outputs;
    const dtype = this.#dtype;
    const { kernels } = dtype;
    const { arena } = dtype.engine;
    const y = layout.take(m * n);
    const dy = layout.take(m * n);
    const dx = layout.take(capacity * n);
    /** The sequence of each row, and 1 / length. */
    const rowsOf = layout.take(capacity, Int32Array.BYTES_PER_ELEMENT);
    const factors = layout.take(m);
    const writeRows = ({ batch, segment }: PassContext): void => {
      const places = arena.i32(rowsOf, segment.rows);
      batch.forEachRow(segment.first, segment.last, (row, place) => {
        places[row - segment.base] = place;
      });
    };
    return {
      scratchBytes: 0,
      begin: ({ batch }) => {
        viewOf(dtype, factors, m).set(Float64Array.from(batch.lengths(), (length) => 1 / length));
        viewOf(dtype, y, m * n).fill(0);
      },
      forward: (context, x) => {
        const { rows, index } = context.segment;
        writeRows(context);
        kernels.scatter_add_rows(rows, n, n, n, x, rowsOf, y);
        if (index === segments - 1) kernels.scale_rows(m, n, factors, y);
        return y;
      },
      backward: (context, _, given) => {
        const { rows, index } = context.segment;
        if (index === segments - 1) {
          kernels.gather_rows(m, n, n, n, given, 0, dy);
          kernels.scale_rows(m, n, factors, dy);
        }
        writeRows(context);
        kernels.gather_rows(rows, n, n, n, dy, rowsOf, dx);
        return dx;
      },
    };
  }

  /** The largest number of each column; its gradient goes to the first row that has it. */
  #max(layout: Layout, { m, rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const dtype = this.#dtype;
    const { arena } = dtype.engine;
    const y = layout.take(m * n);
    const dx = layout.take(capacity * n);
    /** For each output the row of the batch that has it. */
    const origins = layout.take(m * n, Int32Array.BYTES_PER_ELEMENT);
    return {
      scratchBytes: 0,
      begin: () => {
        viewOf(dtype, y, m * n).fill(Number.NEGATIVE_INFINITY);
        arena.i32(origins, m * n).fill(0);
      },
      forward: ({ batch, segment: { first, last, base, rows } }, x) => {
        const [most, from] = [viewOf(dtype, y, m * n), arena.i32(origins, m * n)];
        const values = viewOf(dtype, x, rows * n);
        batch.forEachRow(first, last, (row, place) => {
          for (let j = 0, at = place * n; j < n; j++, at++) {
            const value = values[(row - base) * n + j] as number;
            // A NaN stays, so that the guard sees it.
            if (value <= (most[at] as number) || Number.isNaN(most[at])) continue;
            most[at] = value;
            from[at] = row;
          }
        });
        return y;
      },
      backward: ({ segment: { base, rows } }, _, dy) => {
        const [d, from] = [viewOf(dtype, dy, m * n), arena.i32(origins, m * n)];
        const target = viewOf(dtype, dx, rows * n).fill(0);
        from.forEach((row, at) => {
          const own = row - base;
          if (own >= 0 && own < rows) target[own * n + (at % n)] = d[at] as number;
        });
        return dx;
      },
    };
  }

  /** The last row of each sequence, or its first one for a direction that reads from the end. */
  #last(layout: Layout, { m, rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const width = n / this.#blocks.length;
    const dtype = this.#dtype;
    const { kernels, item } = dtype;
    const y = layout.take(m * n);
    const dx = layout.take(capacity * n);
    /** Visits each sequence that has its row in the segment: its place, its row and the first column, in bytes. */
    const forEachEnd = (
      { batch, segment }: PassContext,
      visit: (sequence: number, row: number) => void,
    ): void => {
      const lengths = batch.lengths();
      this.#blocks.forEach((isFromEnd, d) => {
        lengths.forEach((length, place) => {
          const t = isFromEnd ? 0 : length - 1;
          if (t < segment.first || t >= segment.last) return;
          const row = batch.start(t) - segment.base + place;
          visit((place * n + d * width) * item, (row * n + d * width) * item);
        });
      });
    };
    return {
      scratchBytes: 0,
      forward: (context, x) => {
        forEachEnd(context, (to, from) => {
          kernels.gather_rows(1, width, width, width, x + from, 0, y + to);
        });
        return y;
      },
      backward: (context, _, dy) => {
        viewOf(dtype, dx, context.segment.rows * n).fill(0);
        forEachEnd(context, (from, to) => {
          kernels.gather_rows(1, width, width, width, dy + from, 0, dx + to);
        });
        return dx;
      },
    };
  }
}
