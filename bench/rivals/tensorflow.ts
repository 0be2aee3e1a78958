// TensorFlow.js, backend wasm (one thread) or cpu. Its tensors are (m, T, …); data are transposed outside the timed part.
import type { Sizes } from "../cases/cases.js";
import { join, type Operands } from "../cases/data.js";
import type { Prepared } from "../timing/protocol.js";
import { runLayerWorker } from "../timing/worker.js";
import { requireRival } from "./modules.js";

interface TfTensor {
  readonly shape: number[];
  dataSync(): Float32Array;
  dispose(): void;
}

interface Layer {
  build(shape: (number | null)[]): void;
  setWeights(weights: TfTensor[]): void;
  apply(x: TfTensor): TfTensor;
  call(inputs: TfTensor[], options: object): TfTensor[];
  dispose(): void;
}

interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array, shape: number[]): TfTensor;
  variable(value: TfTensor): TfTensor;
  tidy<R>(work: () => R): R;
  keep(kept: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor): TfTensor;
  sum(a: TfTensor): TfTensor;
  disposeVariables(): void;
  variableGrads(loss: () => TfTensor): { value: TfTensor; grads: Record<string, TfTensor> };
  layers: Record<"lstm" | "simpleRNN" | "lstmCell", (options: object) => Layer>;
}

const backend = process.argv[2] as "wasm" | "cpu";
const tf: Tf = requireRival("@tensorflow/tfjs");
if (backend === "wasm") {
  const wasm: { setThreadsCount(n: number): void } = requireRival("@tensorflow/tfjs-backend-wasm");
  wasm.setThreadsCount(1);
}
if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);

/** (a, b, c) → (b, a, c): time first ↔ batch first. */
function swapped(data: ArrayLike<number>, a: number, b: number, c: number): Float32Array {
  const to = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [row, k] = [Math.floor(i / c), i % c];
    to[((row % b) * a + Math.floor(row / b)) * c + k] = data[i] as number;
  }
  return to;
}

/** (rows, columns) → (columns, rows): a kernel of TensorFlow's is the transpose of PyTorch's weight. */
const transposed = (data: ArrayLike<number>, rows: number): Float32Array =>
  swapped(data, rows, data.length / rows, 1);

/** The gates are in our order, i, f, c, o; the one bias is the sum of our two. */
function weights(o: Operands, { nx, na }: Sizes): TfTensor[] {
  const rows = o.bias_ih.length;
  const bias = Float32Array.from(o.bias_ih, (b, i) => b + (o.bias_hh[i] as number));
  return [
    tf.tensor(transposed(o.weight_ih, rows), [nx, rows]),
    tf.tensor(transposed(o.weight_hh, rows), [na, rows]),
    tf.tensor(bias, [rows]),
  ];
}

const last = (data: Float32Array): number => data[data.length - 1] as number;

function step(o: Operands, sizes: Sizes): Prepared {
  const { nx, na, m, T } = sizes;
  const cell = tf.layers.lstmCell({ units: na, recurrentActivation: "sigmoid" });
  cell.build([m, nx]);
  cell.setWeights(weights(o, sizes));
  const x = Float32Array.from(o.x);
  const steps = Array.from({ length: T }, (_, t) => x.subarray(t * m * nx, (t + 1) * m * nx));
  const zeros = (): TfTensor => tf.tensor(new Float32Array(m * na), [m, na]);
  let [h, c, t] = [zeros(), zeros(), 0];
  let y: Float32Array = new Float32Array();
  const call = (): number => {
    const before = [h, c];
    tf.tidy(() => {
      const input = tf.tensor(steps[t++ % T] as Float32Array, [m, nx]);
      const [, hNext, cNext] = cell.call([input, h, c], {}) as [TfTensor, TfTensor, TfTensor];
      h = tf.keep(hNext);
      c = tf.keep(cNext);
    });
    for (const old of before) old.dispose();
    y = h.dataSync();
    return last(y);
  };
  return { call, result: () => y };
}

function train(layer: Layer, o: Operands, { nx, na, m, T }: Sizes): Prepared {
  const x = tf.variable(tf.tensor(swapped(o.x, T, m, nx), [m, T, nx]));
  const dy = tf.tensor(swapped(o.dy, T, m, na), [m, T, na]);
  let gradients: { shape: number[]; data: Float32Array }[] = [];
  const call = (): number => {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => tf.sum(tf.mul(layer.apply(x), dy)));
      gradients = Object.values(grads).map((g) => ({ shape: g.shape, data: g.dataSync() }));
    });
    return last(gradients[0]?.data as Float32Array);
  };
  const of = (...shape: number[]): Float32Array => {
    const found = gradients.filter((g) => g.shape.join() === shape.join());
    if (found.length !== 1) throw new Error(`${found.length} gradients of shape ${shape}`);
    return found[0]?.data as Float32Array;
  };
  const result = (): Float64Array =>
    join(
      swapped(of(m, T, nx), m, T, nx),
      transposed(of(nx, 4 * na), nx),
      transposed(of(na, 4 * na), na),
      of(4 * na),
    );
  return { call, result, release: () => tf.disposeVariables() };
}

await runLayerWorker((job, o): Prepared => {
  const { work, nx, na, m, T } = job;
  if (work === "lstm-step") return step(o, job);
  const options = { units: na, returnSequences: true, inputShape: [T, nx] };
  const layer =
    work === "rnn-forward"
      ? tf.layers.simpleRNN(options)
      : tf.layers.lstm({ ...options, recurrentActivation: "sigmoid" });
  tf.tidy(() => layer.apply(tf.tensor(new Float32Array(m * T * nx), [m, T, nx]))); // builds its weights
  layer.setWeights(weights(o, job));
  if (work === "lstm-train") return train(layer, o, job);
  const x = swapped(o.x, T, m, nx);
  let y = x;
  const call = (): number => {
    y = tf.tidy(() => layer.apply(tf.tensor(x, [m, T, nx])).dataSync());
    return last(y);
  };
  return { call, result: () => swapped(y, m, T, na), release: () => layer.dispose() };
});
