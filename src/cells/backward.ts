import type { NumberType } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import { generalTrainingKernels } from "../wasm/kernel_sets.js";
import type { Cell, CellBackward } from "./cell.js";
import { generalGruBackward, gruBackward, resetBeforeGruBackward } from "./gru.js";
import { generalLstmBackward, lstmBackward, projectedLstmBackward } from "./lstm.js";
import { generalRnnBackward, rnnBackward } from "./rnn.js";

/** The backward halves of the cells with kernels of their own. */
const PLAIN = { rnn: rnnBackward, lstm: lstmBackward, gru: gruBackward };

/** The backward half of any cell. */
export function backwardOf(engine: EngineCore, dtype: NumberType, cell: Cell): CellBackward {
  const own =
    cell.activations === undefined ? PLAIN[cell.name] : generalBackward(engine, dtype, cell);
  return cell.projected ? projectedLstmBackward(own) : own;
}

function generalBackward(engine: EngineCore, dtype: NumberType, cell: Cell): CellBackward {
  const general = generalTrainingKernels(engine, dtype);
  if (cell.name === "rnn") return generalRnnBackward(general);
  if (cell.name === "lstm") return generalLstmBackward(general, cell);
  // A reset gate before the product has a product of its own.
  const isResetBefore = cell.products.length > 1;
  return isResetBefore ? resetBeforeGruBackward(general) : generalGruBackward(general);
}
