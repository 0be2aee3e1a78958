import type { StoredNumbers } from "../../description/description.js";
import { createRecurrent } from "../../layers/recurrent.js";
import { checkOptions, type OptionNames } from "../../options.js";
import { checkObject, checkTensor, isTypedArray, type Tensor } from "../../tensor.js";
import type { Precision } from "../../wasm/abi.js";
import { checkEngine, type Engine } from "../../wasm/engine.js";
import { READ_OPTIONS } from "../options.js";
import {
  heldTensors,
  isRecurrent,
  nameOf,
  type OnnxInputName,
  type OnnxNode,
  type OpenModel,
  openModel,
  type ReadOnnxOptions,
  readNode,
} from "./file.js";
import { layerOf, type NodeLayer, type Operands, shapeError } from "./layer.js";

/** Options of {@link fromOnnx}. */
export interface FromOnnxOptions<P extends Precision = Precision> extends ReadOnnxOptions {
  /** The layer's numbers. Default: `"f64"` if any weight is DOUBLE or a `Float64Array`, else `"f32"`. */
  precision?: P | undefined;
}

const OPTIONS: OptionNames<FromOnnxOptions> = { ...READ_OPTIONS, precision: true };
const WEIGHTS = ["W", "R", "B", "P"] as const;
type Weighted = Operands & { readonly W: StoredNumbers; readonly R: StoredNumbers };

/** The caller's tensors by name. */
export type Given = Readonly<Record<string, unknown>>;

/** The one recurrent node of a graph. With `alone`, all other nodes must be constants. */
export function onlyNode(open: OpenModel, alone: boolean): OnnxNode {
  const { graph } = open.model;
  const recurrent = graph.nodes.filter(isRecurrent);
  const [node] = recurrent;
  if (node === undefined || recurrent.length > 1) {
    const names = recurrent.map((each) => `${each.operator} ${JSON.stringify(nameOf(each))}`);
    const got = names.length === 0 ? "none" : names.join(", ").slice(0, 200);
    return open.fail("graph", `expected one recurrent node, got ${got}`, graph.at);
  }
  const other = graph.nodes.find((each) => each !== node && each.operator !== "Constant");
  if (alone && other !== undefined) {
    const got = `${other.operator} ${JSON.stringify(nameOf(other))}`;
    open.fail("operator", `expected a recurrent node alone, got ${got} beside it`, other.at);
  }
  return readNode(open, node, heldTensors(open));
}

export function checkNumbers(where: string, name: string, value: unknown): StoredNumbers {
  const numbers = (value as Tensor | null | undefined)?.data;
  const kind = isTypedArray(numbers, "Float32Array") ? Float32Array : Float64Array;
  checkTensor(where, name, value as Tensor, kind);
  return value as StoredNumbers;
}

/** The weights of a node: the caller's, else the file's. */
function weightsOf(where: string, node: OnnxNode, given: Given): Weighted {
  const operands: { -readonly [name in OnnxInputName]?: StoredNumbers } = {};
  for (const part of WEIGHTS) {
    const operand = node.inputs[part];
    if (operand === undefined) continue;
    const { name, tensor } = operand;
    if (Object.hasOwn(given, name)) operands[part] = checkNumbers(where, name, given[name]);
    else if (tensor !== undefined) operands[part] = tensor;
    else {
      const what = `expected a tensor, as the file holds none for ${part}`;
      throw new TypeError(`${where}: ${name}: ${what}`);
    }
  }
  return operands as Weighted;
}

/** The layer of a node. A wrong shape is a `ModelFormatError` for the file's tensors, a `ShapeError` for the caller's. */
export function layerFrom(where: string, node: OnnxNode, given: Given): NodeLayer {
  return layerOf(node, weightsOf(where, node, given), (part, expected, found) => {
    const { name = part, tensor } = node.inputs[part] ?? {};
    const own = tensor !== undefined && !Object.hasOwn(given, name);
    return shapeError(where, name, `${part} ${expected}`, found, own);
  });
}

/** Makes the layer and loads it. Disposes of it if that fails. */
export function loadLayer<P extends Precision>(
  engine: Engine,
  { options, weights }: NodeLayer,
  precision: P,
) {
  const layer = createRecurrent<P>(engine, { ...options, precision });
  try {
    layer.load(weights);
    return layer;
  } catch (error) {
    layer.dispose();
    throw error;
  }
}

/** Throws if the file holds initial states other than zeros: a layer's states are made apart from it. */
function checkStates(where: string, { inputs }: OnnxNode): void {
  for (const part of ["initial_h", "initial_c"] as const) {
    const { name = part, tensor } = inputs[part] ?? {};
    if (tensor?.data.some((value) => value !== 0)) {
      const expected = `${part} of zeros, as a layer's states are made apart from it`;
      shapeError(where, name, expected, "other numbers", true);
    }
  }
}

type Layer<P extends Precision> = ReturnType<typeof createRecurrent<P>>;

/**
 * Makes the layer of a recurrent node and loads its weights. The layer is time-major, whatever the node's layout. The caller
 * makes the states: `layer.createState`, `state.write`.
 *
 * @param source a file with one recurrent node among any others, or one of `readOnnx(file).nodes`
 * @param inputs weights that the file does not hold, or that replace the file's, under their names in the graph: W, R, B, P
 *   in ONNX's shapes and gate order
 * @throws {TypeError | ShapeError} for an argument of the wrong kind or shape, or a weight that is
 *   neither in the file nor given
 * @throws {ModelFormatError} if the file breaks a rule
 */
export function fromOnnx<P extends Precision = Precision>(
  engine: Engine,
  source: Uint8Array | ArrayBuffer | OnnxNode,
  inputs: Readonly<Record<string, Tensor<Float64Array | Float32Array>>> = {},
  options: FromOnnxOptions<P> = {},
): Layer<P> {
  const where = "fromOnnx";
  checkEngine(where, engine);
  checkObject(where, "inputs", inputs);
  checkOptions(where, options, OPTIONS);
  const { precision } = options;
  if (precision !== undefined && precision !== "f64" && precision !== "f32") {
    throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
  }
  const node =
    typeof source === "object" && source !== null && "operator" in source
      ? source
      : onlyNode(openModel(where, source, options, OPTIONS), false);
  const names = WEIGHTS.flatMap((part) => node.inputs[part]?.name ?? []);
  const foreign = Object.keys(inputs).find((name) => !names.includes(name));
  if (foreign !== undefined) {
    throw new TypeError(`${where}: inputs: expected ${names.join(", ")}, got ${foreign}`);
  }
  checkStates(where, node);
  const made = layerFrom(where, node, inputs);
  const wide = WEIGHTS.some((part) => {
    const { name = "", tensor } = node.inputs[part] ?? {};
    return isTypedArray((inputs[name] ?? tensor)?.data, "Float64Array");
  });
  return loadLayer(engine, made, (precision ?? (wide ? "f64" : "f32")) as P);
}
