import { ITEM } from "../wasm/abi.js";
import type { Cell } from "./cell.js";

/** The long short-term memory without peepholes; gates in the order i, f, g, o. */
export const lstmCell: Cell = {
  name: "lstm",
  gates: 4,
  hasMemory: true,
  keepsGates: true,

  forward(kernels, m, na, z, h, c) {
    const state = m * na * ITEM;
    kernels.lstm_gates_forward(m, na, c, z, c + state, h + state);
  },

  backward(kernels, m, na, z, _h, c, dy, dh, dc, dz) {
    kernels.lstm_gates_backward(m, na, z, c, c + m * na * ITEM, dy, dh, dc, dz);
  },
};
