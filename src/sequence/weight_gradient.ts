import type { NumberType } from "../wasm/abi.js";
import type { TrainingType } from "../wasm/kernel_sets.js";
import { panelElements } from "./layout.js";

/** Rows that are taken at a time: their panels and their transpose stay in the second-level cache. */
export const GRADIENT_ROWS = 256;

/** Scratch elements for a weight gradient (outputs, inputs): `GRADIENT_ROWS` rows of d transposed, and of x gathered and packed. */
export const gradientElements = (
  { panel }: Pick<NumberType, "panel">,
  outputs: number,
  inputs: number,
): number => GRADIENT_ROWS * (outputs + inputs) + panelElements(inputs, GRADIENT_ROWS, panel);

/** d, the gradient of a product's output: (rows, columns) at `pointer`; with scratch of `gradientElements`. */
export interface OutputGradient {
  readonly rows: number;
  readonly columns: number;
  readonly pointer: number;
  readonly scratch: number;
}

/** The input of the product, (rows, width): dᵀ of some columns times this matrix is added to `target`. */
export interface GradientInput {
  /** The columns of d. */
  readonly first: number;
  readonly outputs: number;
  readonly width: number;
  readonly source: number;
  /** Row stride of the source. */
  readonly lds: number;
  /** Index of the source's rows, i32, or 0 if they follow each other. */
  readonly index: number;
  /** (outputs, width). */
  readonly target: number;
}

/**
 * target += dᵀ·source for each input. The sum runs over the rows in ascending order. Chunks of rows do not split it: each
 * chunk continues the sum in memory.
 */
export function addWeightGradient(
  { kernels, item }: TrainingType,
  { rows, columns, pointer: d, scratch }: OutputGradient,
  inputs: readonly GradientInput[],
): void {
  const gathered = scratch + GRADIENT_ROWS * columns * item;
  let widest = 0;
  for (const { width } of inputs) widest = Math.max(widest, width);
  const panels = gathered + GRADIENT_ROWS * widest * item;
  for (let r = 0; r < rows; r += GRADIENT_ROWS) {
    const some = Math.min(rows - r, GRADIENT_ROWS);
    kernels.reverse_axes(some, 1, columns, d + r * columns * item, scratch);
    for (const { first, outputs, width, source, lds, index, target } of inputs) {
      let [from, ld] = [source + r * lds * item, lds];
      if (index !== 0) {
        const part = index + r * Int32Array.BYTES_PER_ELEMENT;
        kernels.gather_rows(some, width, lds, width, source, part, gathered);
        [from, ld] = [gathered, width];
      }
      kernels.pack_panels(width, some, 1, ld, from, panels);
      const a = scratch + first * some * item;
      kernels.gemm_packed(outputs, width, some, some, width, width, a, panels, target, target);
    }
  }
}
