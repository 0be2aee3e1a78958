import type { Kernels, NumberType } from "../wasm/abi.js";

/** A product of the recurrence: some blocks of W_h's rows with the hidden state before the step, or with block q of the row. */
export interface RecurrentProduct {
  /** Blocks of na outputs; the products take W_h's rows one after the other. */
  readonly blocks: number;
  /** The first block of dGates that holds the gradient of these outputs. */
  readonly gradientBlock: number;
  readonly source: "h" | "q";
}

/**
 * What a cell is to the sequence engine: the layout of its weights and rows, and one whole step, forward and backward.
 *
 * A step's *row* holds what the products fill and the gates kernel turns into activations, for each sequence of the batch.
 * Pointers are byte offsets.
 */
export interface Cell {
  readonly name: "rnn" | "lstm" | "gru";
  /** PyTorch's gate blocks in the order of W_x's rows. There are G of them. */
  readonly input: readonly number[];
  /** PyTorch's gate blocks in the order of W_h's rows. */
  readonly recurrent: readonly number[];
  /** Blocks of the bias: which of PyTorch's two biases' blocks add up to each. The input product fills as many of a row. */
  readonly bias: readonly { readonly ih?: number; readonly hh?: number }[];
  readonly products: readonly RecurrentProduct[];
  /** Blocks of na in a row; 0 for a cell whose row is the h that follows. */
  readonly gateBlocks: number;
  /** Blocks of na in the gradient of a row: first those of the bias. */
  readonly gradientBlocks: number;
  /** The block of a row that is q, what a recurrent product with source "q" takes. */
  readonly q?: number;
  /** Whether the state has a memory c beside h. */
  readonly hasCellState: boolean;
  /** Whether the gates see the memory through weights of their own. */
  readonly peepholes: boolean;
  /** The functions of the gates, for a cell that does not have the usual ones: the record of assembly/base/activations.ts. */
  readonly activations?: readonly number[];
  /** Whether h is a projection of the units' output. */
  readonly projected: boolean;

  /** Turns the input products in `gates` and the state before the step into the state after it, which may be in the same place. */
  forward(weights: CellWeights, m: number, at: ForwardStep): void;

  /** Turns the gradient of the state after the step into `dGates`, and into that of the state before it. */
  backward(
    weights: CellWeights,
    transposed: TransposedWeights,
    kernels: Kernels,
    m: number,
    at: BackwardStep,
  ): void;
}

/** The weights of one layer and direction, as a cell sees them: pointers and sizes. */
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
  /** max(nx, na) zeros. */
  readonly zeros: number;
}

/** The transposed matrices, packed. */
export interface TransposedWeights {
  readonly panelsX: number;
  readonly products: readonly number[];
  readonly projection: number;
}

/** Where one step stands: pointers, for as many rows as sequences are active. */
export interface ForwardStep {
  /** (m, nh). */
  hPrev: number;
  /** (m, na). */
  cPrev: number;
  /** The rows. */
  gates: number;
  h: number;
  c: number;
  /** The units' output before a projection, (m, na). */
  u: number;
}

export interface BackwardStep extends ForwardStep {
  /** In: the gradient of h from outside, (m, nh). */
  dy: number;
  /** In: the gradient of h from the next step; out: that of hPrev; (m, nh). */
  dh: number;
  /** In, zeros where it is not dh: what the gates kernel takes for the gradient from the next step, (m, na). */
  dNext: number;
  /** In: the gradient of c from the next step; out: that of cPrev. */
  dc: number;
  /** Out: the gradient of the rows, (m, gradient·na). */
  dGates: number;
  /** Out: the whole gradient of a projected h, (m, nh). */
  dp: number;
  /** Scratch, (m, na). */
  scratch: number;
}

/** The elements of a row. */
export const gateElements = ({ gateBlocks }: Cell, na: number): number =>
  Math.max(gateBlocks, 1) * na;

/** z = the input products of `rows` rows of x, `ldz` elements from row to row. */
export function inputProducts(
  cell: Cell,
  { dtype, nx, na, panelsX, bias }: CellWeights,
  rows: number,
  x: number,
  z: number,
  ldz: number,
): void {
  const { kernels, item } = dtype;
  const outputs = cell.input.length * na;
  kernels.gemm_packed(rows, outputs, nx, nx, 0, ldz, x, panelsX, bias, z);
  const own = cell.bias.length * na - outputs;
  if (own > 0) {
    // What the input adds nothing to starts as its bias.
    const at = outputs * item;
    kernels.gather_rows(rows, own, 0, ldz, bias + at, 0, z + at);
  }
}
