import {
  type Activation,
  activationName,
  activationRecord,
  DEFAULT_ACTIVATIONS,
} from "../cells/activations.js";
import type { Cell } from "../cells/cell.js";
import { generalGru, gruCell, resetBeforeGru } from "../cells/gru.js";
import { generalLstm, lstmCell, projectedLstm } from "../cells/lstm.js";
import { generalRnn, rnnCell } from "../cells/rnn.js";
import { type StackShape, sizesOf } from "../sequence/shape.js";
import type { EngineCore } from "../wasm/engine.js";
import { checkRecurrentOptions, type RecurrentOptions } from "./options.js";

/** The activations of each direction. */
function activationsOf(options: RecurrentOptions): (readonly Activation[])[] {
  const { cell, bidirectional, nonlinearity } = options;
  const defaults = nonlinearity === undefined ? DEFAULT_ACTIVATIONS[cell] : [nonlinearity];
  const { activations = defaults } = options;
  const n = defaults.length;
  if (!bidirectional) return [activations];
  return [activations.slice(0, n), activations.slice(activations.length - n)];
}

/** Picks the cell of one direction: the specialised kernels if the options allow, the general ones otherwise. */
function cellOf(options: RecurrentOptions, activations: readonly Activation[]): Cell {
  const { cell, clip = Number.POSITIVE_INFINITY } = options;
  const { resetAfter = true, peepholes = false, inputForget: coupled = false } = options;
  const defaults: readonly Activation[] = DEFAULT_ACTIVATIONS[cell];
  const isDefault =
    clip === Number.POSITIVE_INFINITY &&
    activations.every((each, i) => activationName(each) === defaults[i]);
  const record = activationRecord(clip, activations);
  if (cell === "rnn") return isDefault ? rnnCell : generalRnn(record);
  if (cell === "gru") {
    if (!resetAfter) return resetBeforeGru(record);
    return isDefault ? gruCell : generalGru(record);
  }
  const isPlain = isDefault && !peepholes && !coupled;
  const lstm = isPlain ? lstmCell : generalLstm(record, { peepholes, coupled });
  return options.projectionSize === undefined ? lstm : projectedLstm(lstm);
}

/** Bytes that a 32-bit pointer reaches. */
const LARGEST_BYTES = 2 ** 32;

/** Refuses weights that no linear memory can hold. This also bounds every loop over the layers. */
function checkBytes(shape: StackShape): void {
  const { cells, layers, dtype } = shape;
  const elements = (l: number): number => {
    const { nx, na, nh } = sizesOf(shape, l);
    return cells.reduce((sum, { input }) => sum + input.length * na * (nx + nh), 0);
  };
  const bytes = dtype.item * (elements(0) + (layers - 1) * elements(1));
  if (bytes <= LARGEST_BYTES) return;
  throw new RangeError(
    `createRecurrent: options: expected weights of at most ${LARGEST_BYTES} bytes, got ${bytes}: use fewer layers or units`,
  );
}

/**
 * The network that options describe, as the sequence engine sees it.
 *
 * @throws {TypeError | RangeError} as {@link checkRecurrentOptions}, and for weights that no linear memory could hold
 */
export function shapeOf(engine: EngineCore, options: RecurrentOptions): StackShape {
  checkRecurrentOptions(options);
  const { inputSize, hiddenSize, layers = 1, reverse = false, projectionSize } = options;
  const shape = {
    dtype: engine.numberType(options.precision ?? "f64"),
    cells: activationsOf(options).map((activations) => cellOf(options, activations)),
    layers,
    reverse,
    nx: inputSize,
    na: hiddenSize,
    nh: projectionSize ?? hiddenSize,
  };
  checkBytes(shape);
  return shape;
}
