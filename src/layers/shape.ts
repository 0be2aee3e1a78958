import {
  type Activation,
  activationName,
  activationRecord,
  DEFAULT_ACTIVATIONS,
} from "../cells/activations.js";
import type { Cell } from "../cells/cell.js";
import { gruCell } from "../cells/gru.js";
import type { KernelChoice } from "../cells/kernels.js";
import { lstmCell, projectedLstm } from "../cells/lstm.js";
import { rnnCell } from "../cells/rnn.js";
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

const PLAIN = { rnn: rnnCell, lstm: lstmCell, gru: gruCell };

/** Picks the cell of one direction: the specialised kernels if the options allow, the general ones otherwise. */
function cellOf(
  engine: EngineCore,
  options: RecurrentOptions,
  activations: readonly Activation[],
  choice: KernelChoice,
): Cell {
  const { cell, clip = Number.POSITIVE_INFINITY } = options;
  const { resetAfter = true, peepholes = false, inputForget: coupled = false } = options;
  const defaults: readonly Activation[] = DEFAULT_ACTIVATIONS[cell];
  const isDefault =
    clip === Number.POSITIVE_INFINITY &&
    activations.every((each, i) => activationName(each) === defaults[i]);
  const isPlain = isDefault && resetAfter && !peepholes && !coupled;
  let made = PLAIN[cell];
  if (!isPlain) {
    const { kernels, make } = choice.general(engine, options.precision ?? "f64");
    const record = activationRecord(clip, activations);
    made = make(kernels, { cell, record, resetAfter, peepholes, coupled });
  }
  return options.projectionSize === undefined ? made : projectedLstm(made);
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
 * @throws {FeatureError} if the program lacks the kernels
 */
export function shapeOf(
  engine: EngineCore,
  options: RecurrentOptions,
  choice: KernelChoice,
): StackShape {
  checkRecurrentOptions(options);
  const { inputSize, hiddenSize, layers = 1, reverse = false, projectionSize } = options;
  const shape = {
    dtype: choice.numberType(engine, options.precision ?? "f64"),
    cells: activationsOf(options).map((each) => cellOf(engine, options, each, choice)),
    layers,
    reverse,
    nx: inputSize,
    na: hiddenSize,
    nh: projectionSize ?? hiddenSize,
  };
  checkBytes(shape);
  return shape;
}
