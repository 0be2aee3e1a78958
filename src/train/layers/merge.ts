import type { Layout } from "../../sequence/layout.js";
import type { MergeMode } from "../architecture.js";
import type { TrainedType } from "../trained_type.js";
import type { Layer, LayerPass, PassForm } from "./layer.js";

/** Makes one output of two directions that stand side by side: their sum, product or mean. */
export class Merge implements Layer {
  readonly outputs: number;
  readonly #dtype: TrainedType;
  readonly #mode: Exclude<MergeMode, "concat">;

  /** @param outputs of one direction */
  constructor(dtype: TrainedType, outputs: number, mode: Exclude<MergeMode, "concat">) {
    this.#dtype = dtype;
    this.outputs = outputs;
    this.#mode = mode;
  }

  plan(layout: Layout, { rows: capacity }: PassForm): LayerPass {
    const n = this.outputs;
    const mode = this.#mode;
    const { kernels, item } = this.#dtype;
    const { gather_rows, add_rows, multiply_map, scale_map } = kernels;
    const [y, left, right] = [1, 2, 3].map(() => layout.take(capacity * n)) as [
      number,
      number,
      number,
    ];
    const dx = layout.take(capacity * 2 * n);
    const split = (rows: number, x: number): void => {
      gather_rows(rows, n, 2 * n, n, x, 0, left);
      gather_rows(rows, n, 2 * n, n, x + n * item, 0, right);
    };
    return {
      scratchBytes: 0,
      forward: ({ segment: { rows } }, x) => {
        split(rows, x);
        if (mode === "mul") multiply_map(rows * n, left, right, y);
        else {
          gather_rows(1, rows * n, rows * n, rows * n, left, 0, y);
          add_rows(1, rows * n, right, y);
          if (mode === "ave") scale_map(rows * n, 0.5, y);
        }
        return y;
      },
      backward: ({ segment: { rows } }, x, dy) => {
        let [dLeft, dRight] = [dy, dy];
        if (mode === "mul") {
          split(rows, x);
          multiply_map(rows * n, dy, right, right);
          multiply_map(rows * n, dy, left, left);
          [dLeft, dRight] = [right, left];
        } else if (mode === "ave") scale_map(rows * n, 0.5, dy);
        gather_rows(rows, n, n, 2 * n, dLeft, 0, dx);
        gather_rows(rows, n, n, 2 * n, dRight, 0, dx + n * item);
        return dx;
      },
    };
  }
}
