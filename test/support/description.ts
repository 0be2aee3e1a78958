import type {
  DenseDescription,
  ModelDescription,
  RecurrentDescription,
} from "../../src/description/description.js";
import { createRecurrent, type Engine } from "../../src/index.js";
import { sigmoid } from "../oracle/activations.js";
import { softmax } from "../oracle/softmax.js";

/** Features of every step, or of the last one. */
type Rows = readonly (readonly number[])[];

const rowsOf = (data: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, t) =>
    Array.from({ length: width }, (_, i) => data[t * width + i] as number),
  );

const MERGES = {
  sum: (a: number, b: number) => a + b,
  mul: (a: number, b: number) => a * b,
  ave: (a: number, b: number) => (a + b) / 2,
};

const merged = (row: readonly number[], merge: RecurrentDescription["merge"]): number[] => {
  if (merge === undefined || merge === "concat") return [...row];
  const half = row.length / 2;
  return row.slice(0, half).map((a, i) => MERGES[merge](a, row[half + i] as number));
};

function recurrent(engine: Engine, x: Rows, one: RecurrentDescription, last: boolean): Rows {
  const { inputSize, hiddenSize, bidirectional = false } = one.options;
  const network = createRecurrent(engine, one.options);
  network.load(one.weights);
  const data = Float64Array.from(x.flat());
  const { outputs, state } = network.forward([{ shape: [x.length, inputSize], data }]);
  const width = bidirectional ? 2 * hiddenSize : hiddenSize;
  // What each direction has reached at its own end.
  const h = last ? state.read().h.data : (outputs[0]?.data ?? []);
  state.dispose();
  network.dispose();
  return rowsOf(h, width).map((row) => merged(row, one.merge));
}

function activate(y: number[], activation: DenseDescription["activation"]): number[] {
  if (activation === "softmax") return [...softmax(y)];
  if (activation === "logSoftmax") return [...softmax(y)].map(Math.log);
  const functions: Record<string, (x: number) => number> = {
    identity: (x) => x,
    sigmoid,
    tanh: Math.tanh,
    relu: (x) => Math.max(x, 0),
  };
  const f = functions[String(activation)];
  if (f === undefined) throw new Error(`no ${JSON.stringify(activation)} here`);
  return y.map(f);
}

function dense(x: Rows, { weight, bias, activation }: DenseDescription): Rows {
  const [ny = 0, n = 0] = weight.shape;
  return x.map((row) => {
    const y = Array.from({ length: ny }, (_, i) => {
      let sum = bias?.data[i] ?? 0;
      for (let j = 0; j < n; j++) sum += (weight.data[i * n + j] as number) * (row[j] as number);
      return sum;
    });
    return activate(y, activation);
  });
}

/** What a described network gives for one sequence of tokens or features: layers by the engine in f64, the rest by loops. */
export function run(
  engine: Engine,
  { input, recurrent: layers, dense: heads, output }: ModelDescription,
  sequence: readonly (number | readonly number[])[],
): Rows {
  let x: Rows = sequence.map((step) => {
    if (typeof step !== "number") return step;
    if (input.kind !== "embedding") throw new Error("tokens need an embedding here");
    const nx = input.weight.shape[1] ?? 0;
    return Array.from(input.weight.data.subarray(step * nx, (step + 1) * nx));
  });
  layers.forEach((layer, l) => {
    x = recurrent(engine, x, layer, output === "last" && l === layers.length - 1);
  });
  for (const head of heads) x = dense(x, head);
  return x;
}
