import type { ForwardKernels, Kernels } from "../wasm/abi.js";

/**
 * What a cell is to the sequence engine: the number of its gates and state parts, and its two kernels.
 *
 * Pointers are byte offsets. `z` is the step's rows of gates, (m, G·na); `h` and `c` are state parts, (m, na).
 */
export interface Cell {
  readonly name: string;
  /** G: blocks of na rows in the weights. */
  readonly gates: number;
  /** Whether the state has a memory c beside h. */
  readonly hasMemory: boolean;
  /** Whether the gates are kept for the backward pass; else h is all it needs, and `z` is that h. */
  readonly keepsGates: boolean;

  /** Turns pre-activations `z` and the memory `cPrev` into the state `h`, `c`; `c` may be `cPrev`. */
  forward(
    kernels: ForwardKernels,
    m: number,
    na: number,
    cPrev: number,
    z: number,
    c: number,
    h: number,
  ): void;

  /**
   * Turns the gradient of the state after the step (`dy` from outside, `dh` and `dc` from the next step) into `dz`,
   * and `dc` into the gradient of the memory before the step.
   */
  backward(
    kernels: Kernels,
    m: number,
    na: number,
    z: number,
    cPrev: number,
    c: number,
    dy: number,
    dh: number,
    dc: number,
    dz: number,
  ): void;
}
