import type { Recurrent } from "../../layers/recurrent.js";
import { checkObject, describe, isTypedArray, type Tensor } from "../../tensor.js";
import { checkEngine, type Engine } from "../../wasm/engine.js";
import {
  type OnnxInputName,
  type OnnxNode,
  type OnnxOutputName,
  type OpenModel,
  openInputs,
  openModel,
  type ReadOnnxOptions,
} from "./file.js";
import { checkNumbers, type Given, layerFrom, loadLayer, onlyNode } from "./from.js";
import { type NodeLayer, shapeError } from "./layer.js";

type Floats = Float64Array | Float32Array;

/** An input of a graph: numbers, or integers for `sequence_lens`. */
export interface OnnxInput {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array | BigInt64Array;
}

/** D, m, T, nx, na of a call. */
interface Sizes {
  readonly D: number;
  readonly m: number;
  readonly T: number;
  readonly nx: number;
  readonly na: number;
}

/** An operand of a call, by ONNX's name for it. */
class Call {
  readonly #where: string;
  readonly #node: OnnxNode;
  readonly #given: Given;

  constructor(where: string, node: OnnxNode, given: Given) {
    this.#where = where;
    this.#node = node;
    this.#given = given;
  }

  /** The caller's tensor, else the file's; undefined if the node has no such operand. */
  value(part: OnnxInputName): unknown {
    const operand = this.#node.inputs[part];
    if (operand === undefined) return undefined;
    const { name, tensor } = operand;
    const value = Object.hasOwn(this.#given, name) ? this.#given[name] : tensor;
    if (value !== undefined) return value;
    throw new TypeError(`${this.#where}: ${name}: expected a tensor for ${part}, got undefined`);
  }

  numbers(part: OnnxInputName): Tensor<Floats> | undefined {
    const value = this.value(part);
    if (value === undefined) return undefined;
    return checkNumbers(this.#where, this.#node.inputs[part]?.name ?? part, value);
  }

  /** Throws: an operand does not have the expected shape. */
  wrongShape(part: OnnxInputName, expected: string, found: readonly number[]): never {
    const { name = part, tensor } = this.#node.inputs[part] ?? {};
    const held = tensor !== undefined && !Object.hasOwn(this.#given, name);
    return shapeError(this.#where, name, `${part} ${expected}`, `(${found.join(", ")})`, held);
  }

  /** The length of every sequence; undefined if all have T steps. */
  lengths({ m, T }: Sizes): number[] | undefined {
    const value = this.value("sequence_lens") as OnnxInput | undefined;
    if (value === undefined) return undefined;
    const name = this.#node.inputs.sequence_lens?.name;
    const { shape, data } = (value ?? {}) as OnnxInput;
    const whole = isTypedArray(data, "Int32Array") || isTypedArray(data, "BigInt64Array");
    if (!Array.isArray(shape) || !(whole || isTypedArray(data, "Float64Array"))) {
      const kind = "a tensor { shape, data: Int32Array, BigInt64Array or Float64Array }";
      throw new TypeError(
        `${this.#where}: ${name}: expected ${kind}, got ${describe(data ?? value)}`,
      );
    }
    if (shape.length !== 1 || shape[0] !== m || data.length !== m) {
      this.wrongShape("sequence_lens", `(m,) with m = ${m}`, shape);
    }
    const lengths = Array.from(data as ArrayLike<number | bigint>, Number);
    const wrong = lengths.find(
      (length) => !(Number.isInteger(length) && length >= 0 && length <= T),
    );
    if (wrong === undefined) return lengths;
    throw new RangeError(
      `${this.#where}: ${name}: expected lengths from 0 to T = ${T} (from X), got ${wrong}`,
    );
  }
}

/** A copy with its first two axes exchanged: (a, b, n) → (b, a, n). */
function exchanged<D extends Floats>(data: D, a: number, b: number, n: number): D {
  const result = data.slice() as D;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      const from = (i * b + j) * n;
      for (let k = 0; k < n; k++) result[(j * a + i) * n + k] = data[from + k] as number;
    }
  }
  return result;
}

/** Whether a graph computes in DOUBLE. The declared type of X decides, else the type of the weights. */
function isDouble({ model }: OpenModel, node: OnnxNode, given: Given): boolean {
  const { name = "" } = node.inputs.X ?? {};
  const declared = openInputs(model).find((input) => input.name === name)?.dtype;
  if (declared !== undefined) return declared === "DOUBLE";
  const W = node.inputs.W;
  const data = (given[W?.name ?? ""] as Tensor | undefined)?.data ?? W?.tensor?.data;
  return isTypedArray(data, "Float64Array");
}

/** The layer's state from initial_h and initial_c, in their layout; undefined if both are absent. */
function initialState<D extends Floats>(
  layer: Recurrent<D>,
  numbers: (length: ArrayLike<number>) => D,
  call: Call,
  wise: boolean,
  { D, m, na }: Sizes,
) {
  const parts: { h?: Tensor<D>; c?: Tensor<D> } = {};
  for (const part of ["initial_h", "initial_c"] as const) {
    const value = call.numbers(part);
    if (value === undefined) continue;
    const shape = wise ? [m, D, na] : [D, m, na];
    if (`${value.shape}` !== `${shape}`) {
      const letters = wise ? "(m, D, na)" : "(D, m, na)";
      call.wrongShape(part, `${letters} with D = ${D}, m = ${m}, na = ${na}`, value.shape);
    }
    const data = wise ? exchanged(value.data, m, D, na) : value.data;
    parts[part === "initial_h" ? "h" : "c"] = { shape: [D, m, na], data: numbers(data) };
  }
  const state = layer.createState(m);
  state.write(parts);
  return state;
}

/** Runs the layer over X and returns Y, Y_h and Y_c in the node's layout. */
function compute<D extends Floats>(
  layer: Recurrent<D>,
  numbers: (length: ArrayLike<number>) => D,
  call: Call,
  wise: boolean,
  sizes: Sizes,
  x: Floats,
): Record<OnnxOutputName, Tensor<D> | undefined> {
  const { D, m, T, nx, na } = sizes;
  const lengths = call.lengths(sizes);
  const state = initialState(layer, numbers, call, wise, sizes);
  try {
    // Y (T, D, m, na) or (m, T, D, na), with zeros after a sequence's end, as in onnxruntime.
    const Y = numbers(new Float64Array(T * D * m * na));
    const place = (t: number, d: number, b: number): number =>
      (wise ? (b * T + t) * D + d : (t * D + d) * m + b) * na;
    const put = (row: D, from: number, t: number, b: number): void => {
      for (let d = 0; d < D; d++) {
        const to = place(t, d, b);
        for (let j = 0; j < na; j++) Y[to + j] = row[from + d * na + j] as number;
      }
    };
    if (lengths === undefined) {
      const data = numbers(wise ? exchanged(x, m, T, nx) : x);
      const { y } = layer.forward({ shape: [T, m, nx], data }, state);
      for (let t = 0; t < T; t++) {
        for (let b = 0; b < m; b++) put(y.data, (t * m + b) * D * na, t, b);
      }
    } else {
      const rows = wise ? x : exchanged(x, T, m, nx);
      const sequences = lengths.map((length, b) => ({
        shape: [length, nx],
        data: numbers(rows.subarray(b * T * nx, (b * T + length) * nx)),
      }));
      const { outputs } = layer.forward(sequences, state);
      outputs.forEach(({ shape: [length = 0], data }, b) => {
        for (let t = 0; t < length; t++) put(data, t * D * na, t, b);
      });
    }
    const { h, c } = state.read();
    const turned = (part: Tensor<D> | undefined): Tensor<D> | undefined =>
      part && wise ? { shape: [m, D, na], data: exchanged(part.data, D, m, na) } : part;
    const shape = wise ? [m, T, D, na] : [T, D, m, na];
    return { Y: { shape, data: Y }, Y_h: turned(h), Y_c: turned(c) };
  } finally {
    state.dispose();
  }
}

/** The sizes of a call, from X and the weights. */
function sizesOf(
  call: Call,
  wise: boolean,
  { directions: D, nx, na }: NodeLayer,
  x: Tensor<Floats>,
): Sizes {
  const { shape } = x;
  const [first = 0, second = 0] = shape;
  if (shape.length !== 3 || shape[2] !== nx) {
    call.wrongShape("X", `${wise ? "(m, T, nx)" : "(T, m, nx)"} with nx = ${nx} (from W)`, shape);
  }
  return { D, nx, na, m: wise ? first : second, T: wise ? second : first };
}

/**
 * Runs a graph of one RNN, GRU or LSTM node, in ONNX's shapes and names. Weights are inputs or stored in the file. A DOUBLE
 * graph is computed in f64, any other in f32; outputs are `Float64Array` or `Float32Array` accordingly.
 * A sequence of length 0 leaves its initial state in Y_h and Y_c.
 *
 * @param inputs by the graph's names; `sequence_lens` as Int32Array, BigInt64Array or Float64Array
 * @returns the graph's outputs by name, without those that the node omits
 * @throws {TypeError | ShapeError | RangeError} for an input of the wrong kind, shape or length, or one that is missing
 * @throws {ModelFormatError} if the file breaks a rule, or its graph has another form
 */
export function runOnnx(
  engine: Engine,
  file: Uint8Array | ArrayBuffer,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: ReadOnnxOptions = {},
): Record<string, Tensor<Float64Array | Float32Array>> {
  const where = "runOnnx";
  checkEngine(where, engine);
  const open = openModel(where, file, options);
  checkObject(where, "inputs", inputs);
  const { graph } = open.model;
  const node = onlyNode(open, true);
  const known = graph.inputs.map(({ name }) => name);
  const foreign = Object.keys(inputs).find((name) => !known.includes(name));
  if (foreign !== undefined) {
    throw new TypeError(`${where}: inputs: expected ${known.join(", ")}, got ${foreign}`);
  }
  const outputs = graph.outputs.map(({ name, at }) => {
    const part = (["Y", "Y_h", "Y_c"] as const).find((each) => node.outputs[each] === name);
    if (part !== undefined) return { name, part };
    return open.fail("graph", `output ${JSON.stringify(name)}: expected one of the node's`, at);
  });
  const call = new Call(where, node, inputs);
  const made = layerFrom(where, node, inputs);
  const x = call.numbers("X") as Tensor<Floats>;
  const wise = node.attributes.layout === 1;
  const sizes = sizesOf(call, wise, made, x);
  // One form for both precisions: inputs and outputs have the layer's numbers.
  const run = <D extends Floats>(layer: Recurrent<D>, numbers: (from: ArrayLike<number>) => D) => {
    try {
      return compute(layer, numbers, call, wise, sizes, x.data);
    } finally {
      layer.dispose();
    }
  };
  const results = isDouble(open, node, inputs)
    ? run(loadLayer(engine, made, "f64"), (from) => Float64Array.from(from))
    : run(loadLayer(engine, made, "f32"), (from) => Float32Array.from(from));
  return Object.fromEntries(
    outputs.map(({ name, part }) => [name, results[part] as Tensor<Floats>]),
  );
}
