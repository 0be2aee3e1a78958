import { Problem } from "../problem.js";

/** Bounds the sequences and runs of a model that have no result. */
export class Admission {
  readonly #most: number;
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Makes a call of n sequences, if there is room. @throws a `Problem` of code `overloaded` */
  async admit<R>(n: number, call: () => Promise<R>): Promise<R> {
    if (this.#open > 0 && this.#open + n > this.#most) {
      throw new Problem("overloaded", `${this.#open} sequences wait, ${this.#most} may`, {
        retryAfter: 1,
      });
    }
    this.#open += n;
    try {
      return await call();
    } finally {
      this.#open -= n;
    }
  }
}
