import { gateElements, inputProducts } from "../../cells/cell.js";
import type { DirectionBuffers } from "../../sequence/forward_plan.js";
import type { Layout } from "../../sequence/layout.js";
import { transposedOf } from "../../sequence/transposed.js";
import { addWeightGradient, gradientElements } from "../../sequence/weight_gradient.js";
import type { Weights } from "../../sequence/weights.js";
import type { Parameter, Parameters } from "../parameters.js";
import { viewOf } from "../trained_type.js";

/** What the lowest recurrent layer reads if its input is tokens: their number, and the embedding; without one, one-hot vectors. */
export interface TokenInput {
  readonly count: number;
  readonly embedding: Parameter | undefined;
}

/**
 * Whether the input products of a pass are computed once for each token instead of for each row. With one-hot vectors they are
 * columns of W_x and cost nothing; with an embedding they cost as much as `count` rows.
 */
export const usesTable = ({ count, embedding }: TokenInput, rows: number): boolean =>
  embedding === undefined || rows >= count;

/** The input products of all tokens for one layer direction, and the way back. */
export interface TokenTable {
  readonly scratchBytes: number;
  /** Computes the products, bias included. */
  begin(): void;
  /** gates = the products of some tokens, i32. */
  feed(direction: DirectionBuffers, rows: number, tokens: number): void;
  /** Adds up the gradients of the gates by token. */
  gather(dGates: number, rows: number, tokens: number): void;
  /** Adds the gradients of W_x and of the embedding. */
  end(scratch: number): void;
}

/** Lays out the table of a layer direction whose input is tokens. */
export function planTable(
  layout: Layout,
  { dtype, weights: base, gradients }: Parameters,
  { count, embedding }: TokenInput,
  weights: Weights,
): TokenTable {
  const { cell, nx, na, raw, bias, trained } = weights;
  const { kernels, item } = dtype;
  const { arena } = dtype.engine;
  const width = cell.bias.length * na;
  const gates = cell.input.length * na;
  const table = layout.take(count * width);
  const sums = layout.take(count * gates);
  const dWx = trained?.dWx as number;
  if (embedding === undefined) {
    // W_x transposed, which the sums overwrite when it was read; and the tokens in their order.
    const all = layout.take(count, Int32Array.BYTES_PER_ELEMENT);
    return {
      scratchBytes: count * gates * item,
      begin() {
        arena.i32(all, count).forEach((_, i, indices) => {
          indices[i] = i;
        });
        kernels.gather_rows(count, width, 0, width, bias, 0, table);
        kernels.reverse_axes(gates, 1, count, raw.Wx, sums);
        kernels.scatter_add_rows(count, gates, gates, width, sums, all, table);
        viewOf(dtype, sums, count * gates).fill(0);
      },
      feed,
      gather,
      end(scratch) {
        kernels.reverse_axes(count, 1, gates, sums, scratch);
        kernels.add_rows(1, count * gates, scratch, dWx);
      },
    };
  }
  const { offset } = embedding;
  return {
    scratchBytes: gradientElements(dtype, gates, nx) * item,
    begin() {
      inputProducts(cell, weights, count, base + offset, table, width);
      viewOf(dtype, sums, count * gates).fill(0);
    },
    feed,
    gather,
    end(scratch) {
      const d = { rows: count, columns: gates, pointer: sums, scratch };
      const source = base + offset;
      addWeightGradient(dtype, d, [
        { first: 0, outputs: gates, width: nx, source, lds: nx, index: 0, target: dWx },
      ]);
      const { panelsX } = transposedOf(weights);
      const dE = gradients + offset;
      kernels.gemm_packed(count, nx, gates, gates, nx, nx, sums, panelsX, dE, dE);
    },
  };

  function feed(direction: DirectionBuffers, rows: number, tokens: number): void {
    const ld = gateElements(cell, na);
    kernels.gather_rows(rows, width, width, ld, table, tokens, direction.gates);
  }

  function gather(dGates: number, rows: number, tokens: number): void {
    kernels.scatter_add_rows(rows, gates, cell.gradientBlocks * na, gates, dGates, tokens, sums);
  }
}
