import type { Cell } from "./cell.js";

/** The long short-term memory without peepholes; gates in the order i, f, g, o. */
export const lstmCell: Cell = {
  name: "lstm",
  gates: 4,
  hasMemory: true,
  keepsGates: true,

  forward(kernels, m, na, cPrev, z, c, h) {
    kernels.lstm_gates_forward(m, na, cPrev, z, c, h);
  },

  backward(kernels, m, na, z, cPrev, c, dy, dh, dc, dz) {
    kernels.lstm_gates_backward(m, na, z, cPrev, c, dy, dh, dc, dz);
  },
};
