import type { Cell } from "./cell.js";

/** h = tanh(Waa·h + Wax·x + ba). */
export const rnnCell: Cell = {
  name: "rnn",
  gates: 1,
  hasMemory: false,
  keepsGates: false,

  forward(kernels, m, na, _cPrev, z, _c, h) {
    kernels.rnn_gates_forward(m * na, z, h);
  },

  backward(kernels, m, na, z, _cPrev, _c, dy, dh, _dc, dz) {
    kernels.rnn_gates_backward(m * na, z, dy, dh, dz);
  },
};
