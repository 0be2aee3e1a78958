import type { Layout } from "../sequence/layout.js";
import type { StackShape } from "../sequence/shape.js";
import { type StackState, takeState } from "../sequence/state.js";

/** Where the states of m sequences stand, stack by stack: offsets from a pointer that is set later. */
export class States {
  pointer = 0;
  readonly #at: readonly StackState[];

  constructor(layout: Layout, shapes: readonly StackShape[], m: number) {
    this.#at = shapes.map((shape) => takeState(layout, shape, m));
  }

  /** Where the state of stack g stands. */
  at(g: number): StackState {
    const { h, c } = this.#at[g] as StackState;
    return { h: this.pointer + h, c: this.pointer + c };
  }
}
