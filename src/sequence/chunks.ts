import type { Floats } from "../wasm/abi.js";
import type { Arena } from "../wasm/arena.js";
import { runForward } from "./forward.js";
import type { Tape } from "./tape.js";

/** A state outside the tape: pointers to h and c, (m, na); for a cell without memory both are h. */
export interface StateParts {
  readonly h: number;
  readonly c: number;
}

/**
 * Runs x (T, m, nx) into y (T, m, na), as many steps at a time as the tape holds, from `state`, and leaves the state
 * after the last step there. What the tape then holds is the last of these chunks: the whole run if it holds T steps.
 */
export function runChunks(
  arena: Arena,
  tape: Tape,
  x: Floats,
  y: Floats,
  T: number,
  state: StateParts,
): void {
  const { nx, na, m, T: most } = tape.sizes;
  const { cell, width } = tape.weights;
  const part = tape.strides.state;
  const carry = (from: StateParts, to: StateParts, steps: number): void => {
    arena.copy(from.h + steps * part, to.h, part);
    if (cell.hasMemory) arena.copy(from.c + steps * part, to.c, part);
  };
  carry(state, tape, 0);
  for (let first = 0; first < T; first += most) {
    const steps = Math.min(most, T - first);
    const input = x.subarray(first * m * nx, (first + steps) * m * nx);
    arena.view(width.precision, tape.x, steps * m * nx).set(input);
    runForward(tape, steps);
    y.set(arena.view(width.precision, tape.h + part, steps * m * na), first * m * na);
    carry(tape, first + steps === T ? state : tape, steps);
  }
}
