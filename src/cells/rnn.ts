import { ITEM } from "../wasm/abi.js";
import type { Cell } from "./cell.js";

/** h = tanh(Waa·h + Wax·x + ba). */
export const rnnCell: Cell = {
  name: "rnn",
  gates: 1,
  hasMemory: false,
  keepsGates: false,

  forward(kernels, m, na, z, h) {
    kernels.rnn_gates_forward(m * na, z, h + m * na * ITEM);
  },

  backward(kernels, m, na, _z, h, _c, dy, dh, _dc, dz) {
    kernels.rnn_gates_backward(m * na, h + m * na * ITEM, dy, dh, dz);
  },
};
