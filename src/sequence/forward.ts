import type { Tape } from "./tape.js";

/**
 * The time loop over the first `steps` steps of a tape. Expects their x and the initial state on it, fills in the rest.
 *
 * The input products of all steps are one product; a step then adds its recurrent product and passes the gates.
 */
export function runForward(tape: Tape, steps = tape.sizes.T): void {
  const { cell, width, panelsH, panelsX, bias } = tape.weights;
  const { kernels } = width;
  const { nx, na, m } = tape.sizes;
  const rows = cell.gates * na;
  const { state, z: step } = tape.strides;
  kernels.gemm_packed(steps * m, rows, nx, nx, 0, rows, tape.x, panelsX, bias, tape.z);
  let { h, c, z } = tape;
  for (let t = 0; t < steps; t++) {
    kernels.gemm_packed(m, rows, na, na, rows, rows, h, panelsH, z, z);
    cell.forward(kernels, m, na, c, z, c + state, h + state);
    h += state;
    c += state;
    z += step;
  }
}
