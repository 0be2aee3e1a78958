import { uniform } from "../../support/random.js";
import {
  DOUBLE,
  dtypeOf,
  FLOAT,
  model,
  type OnnxArray,
  type Setting,
  type ValueSpec,
} from "./writer.js";

const GATES = { RNN: 1, GRU: 3, LSTM: 4 };
const ACTIVATIONS = { RNN: 1, GRU: 2, LSTM: 3 };
/** α and β that a function takes. */
const TAKES: Record<string, readonly ("alpha" | "beta")[]> = {
  Sigmoid: [],
  Tanh: [],
  Relu: [],
  Affine: ["alpha", "beta"],
  LeakyRelu: ["alpha"],
  ThresholdedRelu: ["alpha"],
  ScaledTanh: ["alpha", "beta"],
  HardSigmoid: ["alpha", "beta"],
  Elu: ["alpha"],
  Softsign: [],
  Softplus: [],
};

export interface DrawnNode {
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: Record<string, OnnxArray>;
}

/**
 * A model of one random node, the same for a seed each time: weights as initializers or as inputs. In float32 what
 * onnxruntime has; with `double` also the other layout and empty sequences.
 */
export function drawNode(seed: number, { double = false } = {}): DrawnNode {
  const next = uniform(seed);
  const below = (n: number) => Math.floor(((next() + 1) / 2) * n);
  const pick = <V>(values: readonly V[]): V => values[below(values.length)] as V;
  const yes = () => next() > 0;
  const operator = (["RNN", "GRU", "LSTM"] as const)[seed % 3] as keyof typeof GATES;
  const [T, m, nx, na] = [1 + below(6), 1 + below(4), 1 + below(5), 1 + below(6)];
  const direction = pick(["forward", "reverse", "bidirectional"]);
  const D = direction === "bidirectional" ? 2 : 1;
  const rows = GATES[operator] * na;
  const floats = (...shape: number[]): OnnxArray => ({
    shape,
    data: new (double ? Float64Array : Float32Array)(shape.reduce((a, b) => a * b, 1)).map(() =>
      next(),
    ),
  });

  const attributes: Record<string, Setting> = { hidden_size: na };
  if (direction !== "forward" || yes()) attributes.direction = direction;
  if (yes()) attributes.clip = { float: 0.2 + 0.6 * (next() + 1) };
  if (operator === "GRU" && yes()) attributes.linear_before_reset = 1;
  if (operator === "LSTM" && yes()) attributes.input_forget = 1;
  const names = Array.from({ length: D * ACTIVATIONS[operator] }, () => pick(Object.keys(TAKES)));
  if (below(3) > 0) {
    attributes.activations = names;
    for (const part of ["alpha", "beta"] as const) {
      // Every function of an RNN takes its own place in onnxruntime's list; elsewhere only those that take one do.
      const takers = names.filter((name) => TAKES[name]?.includes(part));
      if (takers.length === 0 || (operator === "RNN" && takers.length < D)) continue;
      attributes[`activation_${part}`] = { floats: takers.map(() => 0.3 + 0.4 * (next() + 1)) };
    }
    const missing = (part: "alpha" | "beta") =>
      operator === "RNN" &&
      !attributes[`activation_${part}`] &&
      names.some((name) => TAKES[name]?.includes(part));
    if (missing("alpha") || missing("beta")) {
      for (const key of ["activations", "activation_alpha", "activation_beta"]) {
        delete attributes[key];
      }
    }
  }

  const wise = double && yes();
  if (wise) attributes.layout = 1;
  const [first, second] = wise ? [m, T] : [T, m];
  const state = wise ? [m, D, na] : [D, m, na];

  const all: Record<string, OnnxArray | undefined> = {
    X: floats(first, second, nx),
    W: floats(D, rows, nx),
    R: floats(D, rows, na),
    B: yes() ? floats(D, 2 * rows) : undefined,
    // At least 1: at 0 onnxruntime's RNN reads before its buffer.
    sequence_lens: yes()
      ? { shape: [m], data: new Int32Array(m).map(() => (double ? below(T + 1) : 1 + below(T))) }
      : undefined,
    initial_h: yes() ? floats(...state) : undefined,
  };
  if (operator === "LSTM") {
    all.initial_c = yes() ? floats(...state) : undefined;
    all.P = yes() ? floats(D, 3 * na) : undefined;
  }
  const held = yes() ? ["W", "R", "B", "P"] : [];
  const initializers: Record<string, OnnxArray> = {};
  const inputs: Record<string, OnnxArray> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value) (held.includes(name) ? initializers : inputs)[name] = value;
  }
  const outputs = ["Y", "Y_h", ...(operator === "LSTM" ? ["Y_c"] : [])];
  const left = below(4);
  const given = outputs.map((name, i) => (left === i + 1 ? "" : name));
  const opset = pick(wise ? [14, 22] : [7, 12, 14, 22]);
  const bytes = model({
    opset,
    nodes: [
      {
        operator,
        inputs: Object.entries(all).map(([name, value]) => (value ? name : "")),
        outputs: given,
        attributes,
      },
    ],
    initializers,
    inputs: Object.entries(inputs).map(
      ([name, { shape, data }]): ValueSpec => [name, dtypeOf(data), shape],
    ),
    outputs: given
      .filter((name) => name !== "")
      .map((name): ValueSpec => [name, double ? DOUBLE : FLOAT]),
  });
  const words = Object.entries(attributes).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return { name: `${seed} ${operator}-${opset} ${words.join(" ")}`, model: bytes, inputs };
}
