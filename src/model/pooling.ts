import type { Floats } from "../wasm/abi.js";

/**
 * The mean, the maximum or the last of each sequence's rows, column by column. Rows of a sequence come in the order of its
 * steps, and a sum has one number for each (sequence, column), so that its bits depend neither on the other sequences nor on
 * how many rows arrive at a time. Sums are in f64. The maximum of numbers among which is NaN is NaN. A sequence without steps has zeros,
 * as its last state has.
 */
export class Pooling {
  /** Columns. */
  readonly width: number;
  readonly #kind: "mean" | "max" | "last";
  readonly #forward: number;
  /** (m, width). */
  readonly #values: Float64Array;
  /** The number of rows of each sequence so far. */
  readonly #counts: Int32Array;

  /** @param forward `"last"`: columns of a direction that reads from the start; those after them end at the first row */
  constructor(kind: "mean" | "max" | "last", m: number, width: number, forward = 0) {
    this.width = width;
    this.#kind = kind;
    this.#forward = forward;
    this.#values = new Float64Array(m * width);
    this.#counts = new Int32Array(m);
  }

  /** Adds row `row` of `rows`, (…, width), to sequence b. */
  add(b: number, rows: Floats, row: number): void {
    const n = this.width;
    const [to, from] = [b * n, row * n];
    const values = this.#values;
    const isFirst = this.#counts[b] === 0;
    this.#counts[b] = (this.#counts[b] as number) + 1;
    if (isFirst || this.#kind === "last") {
      const columns = isFirst ? n : this.#forward;
      for (let j = 0; j < columns; j++) values[to + j] = rows[from + j] as number;
    } else if (this.#kind === "mean") {
      for (let j = 0; j < n; j++) {
        values[to + j] = (values[to + j] as number) + (rows[from + j] as number);
      }
    } else {
      for (let j = 0; j < n; j++) {
        values[to + j] = Math.max(values[to + j] as number, rows[from + j] as number);
      }
    }
  }

  /** Writes the results, (m, width). */
  finish(target: Floats): void {
    const n = this.width;
    this.#counts.forEach((count, b) => {
      const divisor = this.#kind === "mean" && count > 0 ? count : 1;
      for (let i = b * n; i < (b + 1) * n; i++) target[i] = (this.#values[i] as number) / divisor;
    });
  }
}
