import type { Kernels } from "../wasm/abi.js";
import type { Tape } from "./tape.js";

/**
 * The time loop. Expects x and the initial state on the tape, and fills in the rest.
 *
 * The input products of all steps are one product; a step then adds its recurrent product and passes the gates.
 */
export function runForward(kernels: Kernels, tape: Tape): void {
  const { cell, panelsH, panelsX, bias } = tape.weights;
  const { nx, na, m, T } = tape.sizes;
  const rows = cell.gates * na;
  const { state, z: step } = tape.strides;
  kernels.gemm_packed(T * m, rows, nx, nx, 0, rows, tape.x, panelsX, bias, tape.z);
  let { h, c, z } = tape;
  for (let t = 0; t < T; t++) {
    kernels.gemm_packed(m, rows, na, na, rows, rows, h, panelsH, z, z);
    cell.forward(kernels, m, na, z, h, c);
    h += state;
    c += state;
    z += step;
  }
}
