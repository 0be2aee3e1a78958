import { gateElements, inputProducts } from "../cells/cell.js";
import type { Floats } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import type { Batch } from "./batch.js";
import type { DirectionBuffers, ForwardBuffers } from "./forward_plan.js";
import { readsFromEnd, type StackShape } from "./shape.js";

/** The input of the lowest layer. */
export type Input =
  | {
      readonly feed: "rows";
      /** Writes the rows of steps `first` … `last` − 1, (rows, nx). */
      readonly rows: (target: Floats, first: number, last: number) => void;
    }
  | {
      readonly feed: "tokens";
      /** The token of every row. */
      readonly tokens: Int32Array;
      /** For each direction a table of the tokens' input products, (tokens, blocks of the bias · na). */
      readonly tables: readonly number[];
    }
  | {
      readonly feed: "embedded";
      /** The token of every row. */
      readonly tokens: Int32Array;
      /** The row of each token, (tokens, nx). */
      readonly embedding: number;
    };

/** Writes the tokens of every row, in the order in which each direction reads them. */
export function writeTokens(
  { engine, shape }: { readonly engine: EngineCore; readonly shape: StackShape },
  batch: Batch,
  buffers: ForwardBuffers,
  tokens: Int32Array,
): void {
  shape.cells.forEach((_, d) => {
    const mirror = readsFromEnd(shape, d) ? batch.mirror() : undefined;
    const own = mirror?.map((row) => tokens[row] as number) ?? tokens;
    engine.arena.i32(buffers.tokens[d] as number, batch.rows).set(own);
  });
}

/** Fills the gates with the input products of `rows` rows of x. */
export function feedRows({ weights, gates }: DirectionBuffers, rows: number, x: number): void {
  const { cell, na } = weights;
  inputProducts(cell, weights, rows, x, gates, gateElements(cell, na));
}

/** Fills the gates with the input products of `rows` tokens, i32 at `tokens`, for direction d. */
export function feedTokens(
  direction: DirectionBuffers,
  input: Exclude<Input, { feed: "rows" }>,
  { d, tokens, rows }: { readonly d: number; readonly tokens: number; readonly rows: number },
): void {
  const { cell, dtype, nx, na } = direction.weights;
  const { gather_rows } = dtype.kernels;
  if (input.feed === "tokens") {
    const n = cell.bias.length * na;
    const table = input.tables[d] as number;
    gather_rows(rows, n, n, gateElements(cell, na), table, tokens, direction.gates);
  } else {
    gather_rows(rows, nx, nx, nx, input.embedding, tokens, direction.x);
    feedRows(direction, rows, direction.x);
  }
}
