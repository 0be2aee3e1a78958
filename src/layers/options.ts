import { ACTIVATIONS, type Activation, DEFAULT_ACTIVATIONS } from "../cells/activations.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";

/** The kind and the sizes of a recurrent network. */
export interface RecurrentOptions<P extends Precision = Precision> {
  readonly cell: "rnn" | "lstm" | "gru";
  /** nx, at least 1. */
  readonly inputSize: number;
  /** na, at least 1. */
  readonly hiddenSize: number;
  /** The number of layers; each reads the output of the layer below. Default 1. */
  readonly layers?: number;
  /** Adds a second direction, which reads each sequence from its end; y holds both side by side. Default false. */
  readonly bidirectional?: boolean;
  /** The one direction reads each sequence from its end. Default false. */
  readonly reverse?: boolean;
  /** The number type of weights, tensors and state. `"f32"` halves the memory; it has no backward pass. Default `"f64"`. */
  readonly precision?: P;
  /** RNN: the activation. Default `"tanh"`. */
  readonly nonlinearity?: "tanh" | "relu";
  /** GRU: whether the reset gate acts after the recurrent product (PyTorch, Keras) or before it. Default true. */
  readonly resetAfter?: boolean;
  /** LSTM: the gates also read the cell state, through the weights `peephole_l0` … Default false. */
  readonly peepholes?: boolean;
  /** Limits the input of the activations f and g to −clip … clip, as onnxruntime does. Default: no limit. */
  readonly clip?: number;
  /** LSTM: the forget gate is 1 − the input gate. Default false. */
  readonly inputForget?: boolean;
  /** LSTM: P, the size of h after a projection by `weight_hr_l0` … Default: no projection. */
  readonly projectionSize?: number;
  /**
   * The activations in ONNX's order: RNN f; GRU f (reset, update), g (candidate); LSTM f (input, forget, output),
   * g (candidate), h (cell state). Twice as many if two directions differ: those of the forward direction come first.
   */
  readonly activations?: readonly Activation[];
}

export const RECURRENT_NAMES: OptionNames<RecurrentOptions> = {
  cell: true,
  inputSize: true,
  hiddenSize: true,
  layers: true,
  bidirectional: true,
  reverse: true,
  precision: true,
  nonlinearity: true,
  resetAfter: true,
  peepholes: true,
  clip: true,
  inputForget: true,
  projectionSize: true,
  activations: true,
};

/** The options that only one kind of cell has. */
const OWN: Readonly<Record<RecurrentOptions["cell"], readonly (keyof RecurrentOptions)[]>> = {
  rnn: ["nonlinearity"],
  gru: ["resetAfter"],
  lstm: ["peepholes", "inputForget", "projectionSize"],
};

const FLAGS = ["bidirectional", "reverse", "resetAfter", "peepholes", "inputForget"] as const;

const WHERE = "createRecurrent";

const wrong = (name: string, expected: string, value: unknown): string =>
  `${WHERE}: ${name}: expected ${expected}, got ${typeof value === "object" ? describe(value) : String(value)}`;

function checkSize(name: string, size: unknown, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(size) && (size as number) >= 1 && (size as number) <= most) return;
  const bound = most < Number.MAX_SAFE_INTEGER ? `1 … ${most}` : "≥ 1";
  throw new RangeError(wrong(name, `an integer ${bound}`, size));
}

/**
 * Checks the options of a network, each for itself and together.
 *
 * @throws {TypeError} for an unknown option, cell, activation or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, or a number out of range
 */
export function checkRecurrentOptions(options: RecurrentOptions): void {
  checkOptions(WHERE, options, RECURRENT_NAMES);
  const { cell, precision = "f64", nonlinearity = "tanh", clip, bidirectional, reverse } = options;
  if (!Object.hasOwn(OWN, cell)) throw new TypeError(wrong("cell", '"rnn", "lstm" or "gru"', cell));
  if (precision !== "f64" && precision !== "f32") {
    throw new TypeError(wrong("precision", '"f64" or "f32"', precision));
  }
  checkSize("inputSize", options.inputSize);
  checkSize("hiddenSize", options.hiddenSize);
  checkSize("layers", options.layers ?? 1);
  for (const name of FLAGS) {
    const flag = options[name];
    if (flag === undefined || typeof flag === "boolean") continue;
    throw new TypeError(wrong(name, "true or false", flag));
  }
  for (const [kind, own] of Object.entries(OWN)) {
    const foreign = own.find((name) => kind !== cell && options[name] !== undefined);
    if (foreign === undefined) continue;
    throw new TypeError(`${WHERE}: ${foreign}: belongs to cell "${kind}", got cell "${cell}"`);
  }
  if (nonlinearity !== "tanh" && nonlinearity !== "relu") {
    throw new TypeError(wrong("nonlinearity", '"tanh" or "relu"', nonlinearity));
  }
  if (bidirectional && reverse) {
    throw new TypeError(`${WHERE}: reverse: a bidirectional network already reads both ways`);
  }
  if (clip !== undefined && !(typeof clip === "number" && clip > 0)) {
    throw new RangeError(wrong("clip", "a number > 0", clip));
  }
  if (options.projectionSize !== undefined) {
    checkSize("projectionSize", options.projectionSize, options.hiddenSize);
  }
  checkActivations(options);
}

function checkActivations({
  cell,
  bidirectional,
  nonlinearity,
  activations,
}: RecurrentOptions): void {
  if (activations === undefined) return;
  const n = DEFAULT_ACTIVATIONS[cell].length;
  const plural = n === 1 && !bidirectional ? "" : "s";
  const expected = `${bidirectional ? `${n} or ${2 * n}` : n} activation${plural}`;
  if (!Array.isArray(activations)) throw new TypeError(wrong("activations", expected, activations));
  const { length } = activations;
  if (length !== n && !(bidirectional && length === 2 * n)) {
    throw new RangeError(wrong("activations", expected, length));
  }
  if (nonlinearity !== undefined) {
    throw new TypeError(`${WHERE}: activations: pass either activations or nonlinearity`);
  }
  for (let i = 0; i < length; i++) checkActivation(`activations[${i}]`, activations[i]);
}

function checkActivation(where: string, activation: unknown): void {
  const given = typeof activation === "string" ? { name: activation } : activation;
  if (typeof given !== "object" || given === null || !("name" in given)) {
    throw new TypeError(wrong(where, "an activation's name, or { name, alpha?, beta? }", given));
  }
  const { name } = given;
  if (typeof name !== "string" || !Object.hasOwn(ACTIVATIONS, name)) {
    throw new TypeError(wrong(where, `one of ${Object.keys(ACTIVATIONS).join(", ")}`, name));
  }
  const numbers = given as { readonly alpha?: unknown; readonly beta?: unknown };
  for (const parameter of ["alpha", "beta"] as const) {
    const value = numbers[parameter];
    if (value === undefined || Number.isFinite(value)) continue;
    throw new RangeError(wrong(`${where}.${parameter}`, "a finite number", value));
  }
}
