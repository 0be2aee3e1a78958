import type { GeneralKernels } from "../wasm/abi.js";
import type { Cell } from "./cell.js";
import { generalGru, resetBeforeGru } from "./gru.js";
import { generalLstm, type LstmOptions } from "./lstm.js";
import { generalRnn } from "./rnn.js";

/** What a general cell is made of. */
export interface GeneralCellOptions extends LstmOptions {
  readonly cell: Cell["name"];
  /** The record of its activations (activations.ts). */
  readonly record: readonly number[];
  /** GRU: whether the reset gate acts after the recurrent product. */
  readonly resetAfter: boolean;
}

/** The general kernels of one precision, and what makes cells of them. */
export interface GeneralCells {
  readonly kernels: GeneralKernels;
  readonly make: (kernels: GeneralKernels, options: GeneralCellOptions) => Cell;
}

/** A cell with other activations, a clip, peepholes, coupled gates, or a reset gate before the product. */
export const makeGeneralCell: GeneralCells["make"] = (
  kernels,
  { cell, record, resetAfter, ...lstm },
) => {
  if (cell === "rnn") return generalRnn(kernels, record);
  if (cell === "lstm") return generalLstm(kernels, record, lstm);
  return resetAfter ? generalGru(kernels, record) : resetBeforeGru(kernels, record);
};
