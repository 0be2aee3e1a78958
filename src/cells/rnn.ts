import type { GeneralKernels, GeneralTrainingKernels } from "../wasm/abi.js";
import type { Cell, CellBackward } from "./cell.js";

/** h = tanh(Waa·h + Wax·x + ba). */
export const rnnCell: Cell = {
  name: "rnn",
  input: [0],
  recurrent: [0],
  bias: [{ ih: 0, hh: 0 }],
  products: [{ blocks: 1, gradientBlock: 0, source: "h" }],
  gateBlocks: 0,
  gradientBlocks: 1,
  hasCellState: false,
  peepholes: false,
  projected: false,

  forward({ dtype: { kernels }, na, nh, products }, m, { hPrev, gates, h }) {
    kernels.gemm_packed(m, na, nh, nh, na, na, hPrev, products[0] as number, gates, gates);
    kernels.rnn_gates_forward(m * na, gates, h);
  },
};

export const rnnBackward: CellBackward = (
  { na, nh, zeros },
  { products },
  kernels,
  m,
  { h, dy, dh, dGates },
) => {
  kernels.rnn_gates_backward(m * na, h, dy, dh, dGates);
  kernels.gemm_packed(m, nh, na, na, 0, nh, dGates, products[0] as number, zeros, dh);
};

/** h = f(Waa·h + Wax·x + ba) with any activation f. It keeps the pre-activations. */
export const generalRnn = (general: GeneralKernels, record: readonly number[]): Cell => ({
  ...rnnCell,
  gateBlocks: 1,
  activations: record,

  forward({ dtype: { kernels }, na, nh, products, activations }, m, { hPrev, gates, h }) {
    kernels.gemm_packed(m, na, nh, nh, na, na, hPrev, products[0] as number, gates, gates);
    general.rnn_general_forward(m * na, activations, gates, h);
  },
});

export const generalRnnBackward =
  (general: GeneralTrainingKernels): CellBackward =>
  ({ na, nh, zeros, activations }, { products }, kernels, m, { gates, h, dy, dh, dGates }) => {
    general.rnn_general_backward(m * na, activations, gates, h, dy, dh, dGates);
    kernels.gemm_packed(m, nh, na, na, 0, nh, dGates, products[0] as number, zeros, dh);
  };
