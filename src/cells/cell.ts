import type { Kernels } from "../wasm/abi.js";

/**
 * What a cell is to the sequence engine: the number of its gates and state parts, and its two kernels.
 *
 * Pointers are byte offsets. `h` and `c` point to the state before step t, an (m, na) array; the state after it
 * follows in memory. `z` points to the step's row block of gates, (m, gates·na).
 */
export interface Cell {
  readonly name: string;
  /** G: blocks of na rows in the weights. */
  readonly gates: number;
  /** Whether the state has a memory c beside h. */
  readonly hasMemory: boolean;
  /** Whether the gates are kept beside the states; else a step turns its pre-activations into h in place. */
  readonly keepsGates: boolean;

  /** Turns pre-activations `z` and the state before the step into the state after it. */
  forward(kernels: Kernels, m: number, na: number, z: number, h: number, c: number): void;

  /**
   * Turns the gradient of the state after the step (`dy` from outside, `dh` and `dc` from the next step) into `dz`,
   * and `dc` into the gradient of the memory before the step.
   */
  backward(
    kernels: Kernels,
    m: number,
    na: number,
    z: number,
    h: number,
    c: number,
    dy: number,
    dh: number,
    dc: number,
    dz: number,
  ): void;
}
