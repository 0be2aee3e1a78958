import type { Cell } from "./cell.js";

/** h = tanh(Waa·h + Wax·x + ba). */
export const rnnCell: Cell = {
  name: "rnn",
  input: [0],
  recurrent: [0],
  bias: [{ ih: 0, hh: 0 }],
  products: [{ blocks: 1, gradient: 0, source: "h" }],
  row: 0,
  gradient: 1,
  hasMemory: false,
  peepholes: false,
  projected: false,

  forward({ dtype: { kernels }, na, nh, products }, m, { hPrev, z, h }) {
    kernels.gemm_packed(m, na, nh, nh, na, na, hPrev, products[0] as number, z, z);
    kernels.rnn_gates_forward(m * na, z, h);
  },

  backward({ na, nh, zeros }, { products }, kernels, m, { h, dy, dh, dz }) {
    kernels.rnn_gates_backward(m * na, h, dy, dh, dz);
    kernels.gemm_packed(m, nh, na, na, 0, nh, dz, products[0] as number, zeros, dh);
  },
};

/** h = f(Waa·h + Wax·x + ba) with any function f, which keeps the pre-activations. */
export const generalRnn = (functions: readonly number[]): Cell => ({
  ...rnnCell,
  row: 1,
  functions,

  forward({ dtype: { kernels }, na, nh, products, functions }, m, { hPrev, z, h }) {
    kernels.gemm_packed(m, na, nh, nh, na, na, hPrev, products[0] as number, z, z);
    kernels.rnn_general_forward(m * na, functions, z, h);
  },

  backward({ na, nh, zeros, functions }, { products }, kernels, m, { z, h, dy, dh, dz }) {
    kernels.rnn_general_backward(m * na, functions, z, h, dy, dh, dz);
    kernels.gemm_packed(m, nh, na, na, 0, nh, dz, products[0] as number, zeros, dh);
  },
});
