import type { GeneralKernels, GeneralTrainingKernels } from "../wasm/abi.js";
import type { Cell, CellBackward } from "./cell.js";

/** The long short-term memory without peepholes. Its gates are i, f, g, o. */
export const lstmCell: Cell = {
  name: "lstm",
  input: [0, 1, 2, 3],
  recurrent: [0, 1, 2, 3],
  bias: [
    { ih: 0, hh: 0 },
    { ih: 1, hh: 1 },
    { ih: 2, hh: 2 },
    { ih: 3, hh: 3 },
  ],
  products: [{ blocks: 4, gradientBlock: 0, source: "h" }],
  gateBlocks: 4,
  gradientBlocks: 4,
  hasCellState: true,
  peepholes: false,
  projected: false,

  forward({ dtype: { kernels }, na, nh, products }, m, { hPrev, cPrev, gates, c, h }) {
    const n = 4 * na;
    kernels.gemm_packed(m, n, nh, nh, n, n, hPrev, products[0] as number, gates, gates);
    kernels.lstm_gates_forward(m, na, cPrev, gates, c, h);
  },
};

export const lstmBackward: CellBackward = ({ na, nh, zeros }, { products }, kernels, m, at) => {
  const { gates, cPrev, c, dy, dh, dNext, dc, dGates } = at;
  const n = 4 * na;
  kernels.lstm_gates_backward(m, na, gates, cPrev, c, dy, dNext, dc, dGates);
  kernels.gemm_packed(m, nh, n, n, 0, nh, dGates, products[0] as number, zeros, dh);
};

export interface LstmOptions {
  /** Whether the forget gate is 1 − the input gate. */
  readonly coupled: boolean;
  readonly peepholes: boolean;
}

/** An LSTM with any activations, peepholes, coupled gates. Its gates are the pre-activations i, f, g, o, then the gates. */
export const generalLstm = (
  general: GeneralKernels,
  record: readonly number[],
  { coupled, peepholes }: LstmOptions,
): Cell => ({
  ...lstmCell,
  gateBlocks: 8,
  peepholes,
  coupled,
  activations: record,

  forward(weights, m, { hPrev, cPrev, gates, c, h }) {
    const { dtype, na, nh, products, activations, peepholes } = weights;
    const [n, row] = [4 * na, 8 * na];
    dtype.kernels.gemm_packed(m, n, nh, nh, row, row, hPrev, products[0] as number, gates, gates);
    general.lstm_general_forward(m, na, activations, +coupled, peepholes, cPrev, gates, c, h);
  },
});

export const generalLstmBackward =
  (general: GeneralTrainingKernels, { coupled = false }: Cell): CellBackward =>
  ({ na, nh, zeros, activations, peepholes }, { products }, kernels, m, at) => {
    const { gates, cPrev, c, dy, dh, dNext, dc, dGates } = at;
    const n = 4 * na;
    general.lstm_general_backward(
      m,
      na,
      activations,
      +coupled,
      peepholes,
      gates,
      cPrev,
      c,
      dy,
      dNext,
      dc,
      dGates,
    );
    kernels.gemm_packed(m, nh, n, n, 0, nh, dGates, products[0] as number, zeros, dh);
  };

/** The same cell with a projection of the units' output u: h = W_hr·u (Sak et al. 2014). */
export const projectedLstm = (cell: Cell): Cell => ({
  ...cell,
  projected: true,

  forward(weights, m, at) {
    const { dtype, na, nh, projection, zeros } = weights;
    const { h, u } = at;
    at.h = u;
    cell.forward(weights, m, at);
    at.h = h;
    dtype.kernels.gemm_packed(m, nh, na, na, 0, nh, u, projection, zeros, h);
  },
});

/** The backward half of a projected cell, around that of the cell itself. */
export const projectedLstmBackward =
  (inner: CellBackward): CellBackward =>
  (weights, transposed, kernels, m, at) => {
    const { na, nh, zeros } = weights;
    const { dy, dh, dp, scratch } = at;
    kernels.gather_rows(m, nh, nh, nh, dh, 0, dp);
    kernels.add_rows(1, m * nh, dy, dp);
    kernels.gemm_packed(m, na, nh, nh, 0, na, dp, transposed.projection, zeros, scratch);
    at.dy = scratch;
    inner(weights, transposed, kernels, m, at);
    at.dy = dy;
  };
