import type { BackwardKernels, GeneralKernels, GeneralTrainingKernels } from "../wasm/abi.js";
import type {
  BackwardStep,
  Cell,
  CellBackward,
  CellWeights,
  ForwardStep,
  TransposedWeights,
} from "./cell.js";

// The gates start with the blocks n, r, z, q: the input product fills n, r, z, the recurrent product r, z, q. PyTorch's
// order is r, z, n.

/** Adds the recurrent products of W_h's first `blocks` blocks to the gates, from block r on. */
function addProducts(
  { dtype, na, nh, products }: CellWeights,
  m: number,
  blocks: number,
  row: number,
  { hPrev, gates }: ForwardStep,
): void {
  const r = gates + na * dtype.item;
  const n = blocks * na;
  const ld = row * na;
  dtype.kernels.gemm_packed(m, n, nh, nh, ld, ld, hPrev, products[0] as number, r, r);
}

/** The gated recurrent unit as PyTorch and Keras have it (Cho et al. 2014; reset after the product, as in cuDNN). */
export const gruCell: Cell = {
  name: "gru",
  input: [2, 0, 1],
  recurrent: [0, 1, 2],
  // The reset gate acts on q = W_hn·h + b_hn, which has a bias of its own.
  bias: [{ ih: 2 }, { ih: 0, hh: 0 }, { ih: 1, hh: 1 }, { hh: 2 }],
  products: [{ blocks: 3, gradientBlock: 1, source: "h" }],
  gateBlocks: 4,
  gradientBlocks: 4,
  q: 3,
  hasCellState: false,
  peepholes: false,
  projected: false,

  forward(weights, m, at) {
    addProducts(weights, m, 3, 4, at);
    weights.dtype.kernels.gru_gates_forward(m, weights.na, at.hPrev, at.gates, at.h);
  },
};

/** Adds the part of dh that flows through the recurrent product of `blocks` blocks, from block r on. */
function addToPrevious(
  { dtype, na, nh }: CellWeights,
  { products }: TransposedWeights,
  kernels: BackwardKernels,
  m: number,
  blocks: number,
  { dGates, dh }: BackwardStep,
): void {
  const r = dGates + na * dtype.item;
  kernels.gemm_packed(m, nh, blocks * na, 4 * na, nh, nh, r, products[0] as number, dh, dh);
}

export const gruBackward: CellBackward = (weights, transposed, kernels, m, at) => {
  const { hPrev, gates, dy, dh, dGates } = at;
  kernels.gru_gates_backward(m, weights.na, hPrev, gates, dy, dh, dGates);
  addToPrevious(weights, transposed, kernels, m, 3, at);
};

/** A GRU with any activations. Its gates are n, r, z, q, and then the three activated gates. */
export const generalGru = (general: GeneralKernels, record: readonly number[]): Cell => ({
  ...gruCell,
  gateBlocks: 7,
  activations: record,

  forward(weights, m, at) {
    const { na, activations } = weights;
    const { hPrev, gates, h } = at;
    addProducts(weights, m, 3, 7, at);
    general.gru_reset_forward(m, na, activations, 0, hPrev, gates);
    general.gru_output_forward(m, na, activations, 0, hPrev, gates, h);
  },
});

export const generalGruBackward =
  (general: GeneralTrainingKernels): CellBackward =>
  (weights, transposed, kernels, m, at) => {
    const { hPrev, gates, dy, dh, dGates } = at;
    const { na, activations } = weights;
    general.gru_output_backward(m, na, activations, 0, hPrev, gates, dy, dh, dGates);
    addToPrevious(weights, transposed, kernels, m, 3, at);
  };

/** A GRU whose reset gate acts before the recurrent product (ONNX: linear_before_reset = 0), with any activations. */
export const resetBeforeGru = (general: GeneralKernels, record: readonly number[]): Cell => ({
  ...gruCell,
  // The reset gate acts on h: q = r·h.
  bias: [
    { ih: 2, hh: 2 },
    { ih: 0, hh: 0 },
    { ih: 1, hh: 1 },
  ],
  products: [
    { blocks: 2, gradientBlock: 1, source: "h" },
    { blocks: 1, gradientBlock: 0, source: "q" },
  ],
  gateBlocks: 7,
  activations: record,

  forward(weights, m, at) {
    const { dtype, na, products, activations } = weights;
    const { kernels, item } = dtype;
    const { hPrev, gates, h } = at;
    const row = 7 * na;
    addProducts(weights, m, 2, 7, at);
    general.gru_reset_forward(m, na, activations, 1, hPrev, gates);
    const q = gates + 3 * na * item;
    kernels.gemm_packed(m, na, na, row, row, row, q, products[1] as number, gates, gates);
    general.gru_output_forward(m, na, activations, 1, hPrev, gates, h);
  },
});

export const resetBeforeGruBackward =
  (general: GeneralTrainingKernels): CellBackward =>
  (weights, transposed, kernels, m, at) => {
    const { hPrev, gates, dy, dh, dGates, scratch } = at;
    const { na, zeros, activations } = weights;
    const q = transposed.products[1] as number;
    general.gru_output_backward(m, na, activations, 1, hPrev, gates, dy, dh, dGates);
    kernels.gemm_packed(m, na, na, 4 * na, 0, na, dGates, q, zeros, scratch);
    general.gru_reset_backward(m, na, activations, hPrev, gates, scratch, dh, dGates);
    addToPrevious(weights, transposed, kernels, m, 2, at);
  };
