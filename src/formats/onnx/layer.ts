import { type Activation, DEFAULT_ACTIVATIONS } from "../../cells/activations.js";
import type { RecurrentDescription, StoredNumbers } from "../../description/description.js";
import { ModelFormatError } from "../../description/format_error.js";
import type { RecurrentOptions } from "../../layers/options.js";
import { checkObject, formatShape } from "../../tensor.js";
import { GATES, reorderRows } from "../gates.js";
import type { OnnxAttributes, OnnxOperator } from "./attributes.js";
import type { OnnxInputName, OnnxNode } from "./file.js";

/** The weights of a node, under ONNX's names for them. */
export interface Weights {
  readonly W: StoredNumbers;
  readonly R: StoredNumbers;
  readonly B?: StoredNumbers | undefined;
  readonly P?: StoredNumbers | undefined;
}

export const CELLS = { RNN: "rnn", GRU: "gru", LSTM: "lstm" } as const;
const BLOCKS: Record<OnnxOperator, number> = { RNN: 1, GRU: 3, LSTM: 4 };

/** A node as a layer: its options, and its weights under PyTorch's names. */
export interface NodeLayer {
  readonly options: RecurrentOptions;
  readonly weights: Readonly<Record<string, StoredNumbers>>;
  /** D, nx, na. */
  readonly directions: number;
  readonly nx: number;
  readonly na: number;
}

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The activations as options: none if they are the defaults, one list if both directions have the same. */
function activationOptions(
  cell: "rnn" | "gru" | "lstm",
  all: readonly Activation[],
): Pick<RecurrentOptions, "activations" | "nonlinearity"> {
  const half = DEFAULT_ACTIVATIONS[cell].length;
  const first = all.slice(0, half);
  const once = all.length === half || equal(first, all.slice(half)) ? first : all;
  if (equal(once, DEFAULT_ACTIVATIONS[cell])) return {};
  if (cell === "rnn" && equal(once, ["relu"])) return { nonlinearity: "relu" };
  return { activations: once };
}

function nodeOptions(
  cell: "rnn" | "gru" | "lstm",
  { direction, clip, activations, inputForget, linearBeforeReset }: OnnxAttributes,
): Omit<RecurrentOptions, "inputSize" | "hiddenSize"> {
  return {
    cell,
    ...(direction === "bidirectional" ? { bidirectional: true } : {}),
    ...(direction === "reverse" ? { reverse: true } : {}),
    ...(cell === "gru" && !linearBeforeReset ? { resetAfter: false } : {}),
    ...(clip === undefined ? {} : { clip }),
    ...(inputForget ? { inputForget } : {}),
    ...activationOptions(cell, activations),
  };
}

/**
 * Checks a node's weights against each other and converts them to a layer's. W (D, G·na, nx), R (D, G·na, na),
 * B (D, 2·G·na): W's biases, then R's; P (D, 3·na).
 *
 * @param fail throws: operand `name` does not have the expected shape
 */
export function layerOf(
  { operator, attributes }: OnnxNode,
  { W, R, B, P }: Weights,
  fail: (name: OnnxInputName, expected: string, found: string) => never,
): NodeLayer {
  const G = BLOCKS[operator];
  const directions = attributes.direction === "bidirectional" ? 2 : 1;
  const na = attributes.hiddenSize ?? R.shape[2] ?? 0;
  const nx = W.shape[2] ?? 0;
  const check = (name: OnnxInputName, value: StoredNumbers | undefined, ...shape: number[]) => {
    if (value === undefined || equal(value.shape, shape)) return;
    const letters = `${formatShape(shape)} with D = ${directions}, nx = ${nx}, na = ${na}`;
    fail(name, letters, formatShape(value.shape));
  };
  if (nx < 1) fail("W", "(D, G·na, nx) with nx ≥ 1", formatShape(W.shape));
  if (na < 1) fail("R", "(D, G·na, na) with na ≥ 1", formatShape(R.shape));
  check("W", W, directions, G * na, nx);
  check("R", R, directions, G * na, na);
  check("B", B, directions, 2 * G * na);
  check("P", P, directions, 3 * na);

  const cell = CELLS[operator];
  const gates = GATES.onnx[cell];
  const rows = G * na;
  const weights: Record<string, StoredNumbers> = {};
  for (let d = 0; d < directions; d++) {
    const suffix = d === 1 ? "_reverse" : "";
    const take = (name: string, from: StoredNumbers, begin: number, ...shape: number[]) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const part = from.data.subarray(begin, begin + size);
      const order = name === "peephole" ? GATES.onnx.peepholes : gates;
      weights[`${name}_l0${suffix}`] = { shape, data: reorderRows(part, order) };
    };
    take("weight_ih", W, d * rows * nx, rows, nx);
    take("weight_hh", R, d * rows * na, rows, na);
    if (B !== undefined) {
      take("bias_ih", B, d * 2 * rows, rows);
      take("bias_hh", B, (2 * d + 1) * rows, rows);
    }
    if (P !== undefined) take("peephole", P, d * 3 * na, 3 * na);
  }
  const options: RecurrentOptions = {
    ...nodeOptions(cell, attributes),
    inputSize: nx,
    hiddenSize: na,
    ...(P === undefined ? {} : { peepholes: true }),
  };
  return { options, weights, directions, nx, na };
}

/** Throws for a tensor of the file that has the wrong shape. */
export function shapeError(where: string, name: string, expected: string, found: string): never {
  const message = `${where}: ${JSON.stringify(name)}: expected ${expected}, got ${found}`;
  throw new ModelFormatError("shape", message, name);
}

/**
 * The layer of a recurrent node whose weights the file holds, as `createRecurrent` and `load` take it:
 * `createRecurrent(engine, options).load(weights)`. It is time-major, whatever the node's layout.
 *
 * @param node one of `readOnnx(file).nodes`
 * @throws {TypeError} for an argument of the wrong kind
 * @throws {ModelFormatError} if a weight or its shape is missing, or the file holds initial states other than zeros, as
 *   a layer's states are made apart from it
 */
export function describeOnnxNode(node: OnnxNode): RecurrentDescription {
  const where = "describeOnnxNode";
  checkObject(where, "node", node);
  const { name, inputs } = node;
  for (const part of ["initial_h", "initial_c"] as const) {
    const { name: held = part, tensor } = inputs[part] ?? {};
    if (tensor?.data.some((value) => value !== 0)) {
      shapeError(where, held, `${part} of zeros`, "other numbers");
    }
  }
  const held = (part: OnnxInputName): StoredNumbers | undefined => {
    const operand = inputs[part];
    if (operand === undefined || operand.tensor !== undefined) return operand?.tensor;
    const what = `expected ${part} in the file, got an input or a computed value`;
    throw new ModelFormatError("graph", `${where}: ${JSON.stringify(operand.name)}: ${what}`);
  };
  const [W, R, B, P] = [held("W"), held("R"), held("B"), held("P")];
  if (W === undefined || R === undefined) {
    throw new TypeError(`${where}: node: expected W and R, got a node without`);
  }
  const { options, weights } = layerOf(node, { W, R, B, P }, (part, expected, found) =>
    shapeError(where, inputs[part]?.name ?? part, `${part} ${expected}`, found),
  );
  return { name, options, weights };
}
