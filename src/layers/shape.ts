import {
  ACTIVATIONS,
  type Activation,
  activationRecord,
  DEFAULT_ACTIVATIONS,
} from "../cells/activations.js";
import type { Cell } from "../cells/cell.js";
import { generalGru, gruCell, resetBeforeGru } from "../cells/gru.js";
import { generalLstm, lstmCell, projectedLstm } from "../cells/lstm.js";
import { generalRnn, rnnCell } from "../cells/rnn.js";
import type { StackShape } from "../sequence/shape.js";
import { checkObject, describe } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import type { RecurrentOptions } from "./options.js";

const WHERE = "createRecurrent";

/** What belongs to one kind of cell, and the functions of its gates unless others are given. */
const KINDS: Readonly<
  Record<
    RecurrentOptions["cell"],
    { own: readonly (keyof RecurrentOptions)[]; functions: readonly Activation[] }
  >
> = {
  rnn: { own: ["nonlinearity"], functions: DEFAULT_ACTIVATIONS.rnn },
  gru: { own: ["resetAfter"], functions: DEFAULT_ACTIVATIONS.gru },
  lstm: {
    own: ["peepholes", "inputForget", "projectionSize"],
    functions: DEFAULT_ACTIVATIONS.lstm,
  },
};
const NAMES = '"rnn", "lstm" or "gru"';

const wrong = (name: string, expected: string, value: unknown): string =>
  `${WHERE}: ${name}: expected ${expected}, got ${typeof value === "object" ? describe(value) : String(value)}`;

function checkSize(name: string, size: unknown, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(size) && (size as number) >= 1 && (size as number) <= most) return;
  const bound = most < Number.MAX_SAFE_INTEGER ? `1 … ${most}` : "≥ 1";
  throw new RangeError(wrong(name, `an integer ${bound}`, size));
}

function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw new TypeError(wrong(name, "true or false", value));
  }
}

/** Throws unless `options` describe a network. */
function checkOptions(options: RecurrentOptions): void {
  checkObject(WHERE, "options", options);
  const { cell, precision = "f64", nonlinearity = "tanh", clip, bidirectional, reverse } = options;
  if (!Object.hasOwn(KINDS, cell)) throw new TypeError(wrong("cell", NAMES, cell));
  if (precision !== "f64" && precision !== "f32") {
    throw new TypeError(wrong("precision", '"f64" or "f32"', precision));
  }
  checkSize("inputSize", options.inputSize);
  checkSize("hiddenSize", options.hiddenSize);
  checkSize("layers", options.layers ?? 1);
  for (const name of [
    "bidirectional",
    "reverse",
    "resetAfter",
    "peepholes",
    "inputForget",
  ] as const) {
    checkFlag(name, options[name]);
  }
  for (const [kind, { own }] of Object.entries(KINDS)) {
    const foreign = own.find((name) => kind !== cell && options[name] !== undefined);
    if (foreign !== undefined) {
      throw new TypeError(`${WHERE}: ${foreign}: belongs to cell "${kind}", got cell "${cell}"`);
    }
  }
  if (nonlinearity !== "tanh" && nonlinearity !== "relu") {
    throw new TypeError(wrong("nonlinearity", '"tanh" or "relu"', nonlinearity));
  }
  if (bidirectional && reverse) {
    throw new TypeError(`${WHERE}: reverse: a network of two directions has both`);
  }
  if (clip !== undefined && !(typeof clip === "number" && clip > 0)) {
    throw new RangeError(wrong("clip", "a number > 0", clip));
  }
  if (options.projectionSize !== undefined) {
    checkSize("projectionSize", options.projectionSize, options.hiddenSize);
  }
}

function checkActivation(activation: unknown, i: number): Activation {
  const name = `activations[${i}]`;
  const given = typeof activation === "string" ? { name: activation } : activation;
  if (typeof given !== "object" || given === null || !("name" in given)) {
    throw new TypeError(wrong(name, "the name of a function, or { name, alpha?, beta? }", given));
  }
  if (typeof given.name !== "string" || !Object.hasOwn(ACTIVATIONS, given.name)) {
    const names = Object.keys(ACTIVATIONS).join(", ");
    throw new TypeError(wrong(name, `one of ${names}`, given.name));
  }
  for (const parameter of ["alpha", "beta"] as const) {
    const value = (given as Record<string, unknown>)[parameter];
    if (value !== undefined && !Number.isFinite(value)) {
      throw new RangeError(wrong(`${name}.${parameter}`, "a finite number", value));
    }
  }
  return activation as Activation;
}

/** The functions of each direction. */
function functionsOf(options: RecurrentOptions): (readonly Activation[])[] {
  const { cell, bidirectional, nonlinearity, activations } = options;
  const usual = nonlinearity === undefined ? KINDS[cell].functions : [nonlinearity];
  const directions = bidirectional ? 2 : 1;
  if (activations === undefined) return Array(directions).fill(usual);
  const n = usual.length;
  const each = bidirectional ? `${n} or ${2 * n} functions` : `${n} function${n === 1 ? "" : "s"}`;
  if (!Array.isArray(activations)) {
    throw new TypeError(wrong("activations", each, activations));
  }
  if (activations.length !== n && activations.length !== n * directions) {
    throw new RangeError(wrong("activations", each, activations.length));
  }
  if (nonlinearity !== undefined) {
    throw new TypeError(`${WHERE}: activations: nonlinearity says the same; give one of them`);
  }
  const checked = activations.map(checkActivation);
  return Array.from({ length: directions }, (_, d) =>
    d * n < checked.length ? checked.slice(d * n, (d + 1) * n) : checked,
  );
}

const nameOf = (activation: Activation): string =>
  typeof activation === "string" ? activation : activation.name;

/** The cell of one direction: the usual one, whose kernels are the fast ones, wherever it does. */
function cellOf(options: RecurrentOptions, functions: readonly Activation[]): Cell {
  const { cell, clip = Number.POSITIVE_INFINITY } = options;
  const { resetAfter = true, peepholes = false, inputForget: coupled = false } = options;
  const usual =
    clip === Number.POSITIVE_INFINITY &&
    functions.every((each, i) => nameOf(each) === nameOf(KINDS[cell].functions[i] as Activation));
  const record = activationRecord(clip, functions);
  if (cell === "rnn") return usual ? rnnCell : generalRnn(record);
  if (cell === "gru") {
    if (!resetAfter) return resetBeforeGru(record);
    return usual ? gruCell : generalGru(record);
  }
  const plain = usual && !peepholes && !coupled;
  const lstm = plain ? lstmCell : generalLstm(record, { peepholes, coupled });
  return options.projectionSize === undefined ? lstm : projectedLstm(lstm);
}

/**
 * What a network looks like to the sequence engine.
 *
 * @throws {TypeError} for an unknown cell, function or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, or a number out of range
 */
export function shapeOf(engine: Engine, options: RecurrentOptions): StackShape {
  checkOptions(options);
  const { inputSize, hiddenSize, layers = 1, reverse = false, projectionSize } = options;
  return {
    dtype: engine.numberType(options.precision ?? "f64"),
    cells: functionsOf(options).map((functions) => cellOf(options, functions)),
    ...{ layers, reverse, nx: inputSize, na: hiddenSize, nh: projectionSize ?? hiddenSize },
  };
}
