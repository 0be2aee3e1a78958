import type { BackwardKernels, NumberType } from "../wasm/abi.js";

/** A recurrent product: some blocks of W_h's rows times the hidden state before the step, or times block q of the gates. */
export interface RecurrentProduct {
  /** Blocks of na outputs. The first product takes the first blocks of W_h's rows, and so on. */
  readonly blocks: number;
  /** The first block of dGates that holds the gradient of these outputs. */
  readonly gradientBlock: number;
  readonly source: "h" | "q";
}

/**
 * A cell as the sequence engine sees it: the layout of its weights and gates, and one whole step forward.
 *
 * The *gates* of a step are blocks of na numbers for each sequence of the batch: the products fill them, and the gates
 * kernel turns them into activations in place. Pointers are byte offsets.
 */
export interface Cell {
  readonly name: "rnn" | "lstm" | "gru";
  /** PyTorch's gate blocks in the order of W_x's rows. There are G of them. */
  readonly input: readonly number[];
  /** PyTorch's gate blocks in the order of W_h's rows. */
  readonly recurrent: readonly number[];
  /** For each block of the bias the blocks of PyTorch's two biases that add up to it. The input product fills as many blocks. */
  readonly bias: readonly { readonly ih?: number; readonly hh?: number }[];
  readonly products: readonly RecurrentProduct[];
  /** Blocks in the gates of a sequence; 0 for a cell whose gates are the next h. */
  readonly gateBlocks: number;
  /** Blocks in the gradient of the gates; those of the bias come first. */
  readonly gradientBlocks: number;
  /** The block q of the gates, the input of a recurrent product with source "q". */
  readonly q?: number;
  /** Whether the state has a cell state c besides h. */
  readonly hasCellState: boolean;
  /** Whether the gates read the cell state through weights of their own. */
  readonly peepholes: boolean;
  /** The record of the activations (assembly/base/activations.ts), for a cell without specialised kernels. */
  readonly activations?: readonly number[];
  /** Whether the forget gate is 1 − the input gate. */
  readonly coupled?: boolean;
  /** Whether h is a projection of the units' output. */
  readonly projected: boolean;

  /** Computes the state after the step from the input products in `gates` and the state before it, possibly in place. */
  forward(weights: CellWeights, m: number, at: ForwardStep): void;
}

/**
 * The backward half of a cell: computes `dGates` and the gradient of the state before a step from that of the state after
 * it. It is no member of the cell, so that a program that only runs forward does not ship it; cells/backward.ts knows which
 * belongs to which.
 */
export type CellBackward = (
  weights: CellWeights,
  transposed: TransposedWeights,
  kernels: BackwardKernels,
  m: number,
  at: BackwardStep,
) => void;

/** The weights of one layer direction, as a cell sees them: pointers and sizes. */
export interface CellWeights {
  readonly dtype: NumberType;
  readonly nx: number;
  readonly na: number;
  /** The size of h: na, or P after a projection. */
  readonly nh: number;
  /** W_x, packed. */
  readonly panelsX: number;
  /** W_h, packed, product by product. */
  readonly products: readonly number[];
  /** The projection, packed. */
  readonly projection: number;
  readonly bias: number;
  readonly peepholes: number;
  readonly activations: number;
  /** Zeros: max(nx, na, nh) of them. */
  readonly zeros: number;
}

/** The transposed matrices, packed. */
export interface TransposedWeights {
  readonly panelsX: number;
  readonly products: readonly number[];
  readonly projection: number;
}

/** The buffers of one step: pointers to a row for each of the m active sequences. */
export interface ForwardStep {
  /** (m, nh). */
  hPrev: number;
  /** (m, na). */
  cPrev: number;
  /** (m, gateBlocks·na). */
  gates: number;
  /** (m, nh). */
  h: number;
  /** (m, na). */
  c: number;
  /** The units' output before a projection, (m, na). */
  u: number;
}

export interface BackwardStep extends ForwardStep {
  /** In: the gradient of h from outside, (m, nh). */
  dy: number;
  /** In: the gradient of h from the next step; out: that of hPrev; (m, nh). */
  dh: number;
  /** In: the gates kernel's gradient of h from the next step, (m, na): dh itself, or zeros if h is a projection. */
  dNext: number;
  /** In: the gradient of c from the next step; out: that of cPrev. */
  dc: number;
  /** Out: the gradient of the gates, (m, gradientBlocks·na). */
  dGates: number;
  /** Out: the whole gradient of a projected h, (m, nh). */
  dp: number;
  /** Scratch, (m, na). */
  scratch: number;
}

/** Numbers in the gates of one sequence. */
export const gateElements = ({ gateBlocks }: Cell, na: number): number =>
  Math.max(gateBlocks, 1) * na;

/**
 * gates = bias + x·W_xᵀ for `rows` rows of x; the gates of two rows are `ld` numbers apart. Positional, as each step calls
 * it.
 */
export function inputProducts(
  cell: Cell,
  { dtype, nx, na, panelsX, bias }: CellWeights,
  rows: number,
  x: number,
  gates: number,
  ld: number,
): void {
  const { kernels, item } = dtype;
  const outputs = cell.input.length * na;
  kernels.gemm_packed(rows, outputs, nx, nx, 0, ld, x, panelsX, bias, gates);
  const rest = cell.bias.length * na - outputs;
  if (rest > 0) {
    // Blocks without an input product start as their bias.
    const at = outputs * item;
    kernels.gather_rows(rows, rest, 0, ld, bias + at, 0, gates + at);
  }
}
