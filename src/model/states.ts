import type { Layout } from "../sequence/plan.js";
import { layerDirectionCount, type StackShape, type StateParts } from "../sequence/stack.js";
import { takeState } from "../sequence/step.js";

/** Where the states of m sequences stand, stack by stack: offsets from a pointer that is set later. */
export class States {
  pointer = 0;
  readonly #shapes: readonly StackShape[];
  readonly #at: { h: number; c: number }[];
  readonly #m: number;

  constructor(layout: Layout, shapes: readonly StackShape[], m: number) {
    this.#shapes = shapes;
    this.#m = m;
    this.#at = shapes.map((shape) => takeState(layout, shape, m));
  }

  /** Pointers to the state of every pass of stack g. */
  parts(g: number): StateParts {
    const shape = this.#shapes[g] as StackShape;
    const { h, c } = this.#at[g] as { h: number; c: number };
    const { dtype, na, nh } = shape;
    const passes = Array.from(
      { length: layerDirectionCount(shape) },
      (_, p) => p * this.#m * dtype.item,
    );
    return {
      h: passes.map((at) => this.pointer + h + at * nh),
      c: passes.map((at) => this.pointer + c + at * na),
    };
  }

  /** Pointers to the whole of h and c of stack g. */
  whole(g: number): { h: number; c: number } {
    const { h, c } = this.#at[g] as { h: number; c: number };
    return { h: this.pointer + h, c: this.pointer + c };
  }
}
