// TensorFlow.js: its LSTM layers, its Adam, backend wasm (one thread) or cpu. The embedding is a product with one-hot rows, since
// the wasm backend has no gradient of a gather.
import { requireRival } from "../rivals/modules.js";
import { LEARNING_RATE } from "./network.js";
import { runTrainer } from "./worker.js";

interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
  reshape(shape: number[]): TfTensor;
}

interface Layer {
  apply(x: TfTensor): TfTensor;
  setWeights(weights: TfTensor[]): void;
}

interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array | Int32Array, shape: number[], type?: string): TfTensor;
  variable(value: TfTensor): TfTensor;
  tidy<R>(work: () => R): R;
  oneHot(ids: TfTensor, depth: number): TfTensor;
  cast(x: TfTensor, type: string): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA: boolean, transposeB: boolean): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  zeros(shape: number[]): TfTensor;
  disposeVariables(): void;
  losses: { softmaxCrossEntropy(targets: TfTensor, logits: TfTensor): TfTensor };
  layers: { lstm(options: object): Layer };
  train: {
    adam(rate: number, beta1: number, beta2: number, epsilon: number): Optimizer;
  };
}

interface Optimizer {
  minimize(loss: () => TfTensor, returnCost: true): TfTensor;
}

const backend = process.argv[2] as "wasm" | "cpu";
const tf: Tf = requireRival("@tensorflow/tfjs");
if (backend === "wasm") {
  const wasm: { setThreadsCount(n: number): void } = requireRival("@tensorflow/tfjs-backend-wasm");
  wasm.setThreadsCount(1);
}
if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);

/** (rows, columns) → (columns, rows): a kernel of TensorFlow's is the transpose of PyTorch's weight. */
function transposed({
  shape: [rows = 0, columns = 0],
  data,
}: {
  shape: number[];
  data: Float64Array;
}) {
  const turned = new Float32Array(data.length);
  data.forEach((value, i) => {
    turned[(i % columns) * rows + Math.floor(i / columns)] = value;
  });
  return tf.tensor(turned, [columns, rows]);
}

await runTrainer(({ sizes, weights, inputs, targets }) => {
  const { tokens, embedding, na, layers, m, T } = sizes;
  const of = (name: string) => weights.get(name) as { shape: number[]; data: Float64Array };
  const variable = (name: string) => {
    const { shape, data } = of(name);
    return tf.variable(tf.tensor(Float32Array.from(data), shape));
  };
  const [E, W, bias] = ["embedding.weight", "output.weight", "output.bias"].map(variable) as [
    TfTensor,
    TfTensor,
    TfTensor,
  ];
  const stack = Array.from({ length: layers }, (_, l) => {
    const nx = l === 0 ? embedding : na;
    const options = { units: na, returnSequences: true, recurrentActivation: "sigmoid" };
    const layer = tf.layers.lstm({ ...options, inputShape: [T, nx] });
    tf.tidy(() => layer.apply(tf.zeros([m, T, nx]))); // builds its weights
    const [ih, hh] = [of(`recurrent.bias_ih_l${l}`).data, of(`recurrent.bias_hh_l${l}`).data];
    layer.setWeights([
      transposed(of(`recurrent.weight_ih_l${l}`)),
      transposed(of(`recurrent.weight_hh_l${l}`)),
      tf.tensor(
        Float32Array.from(ih, (b, i) => b + (hh[i] as number)),
        [4 * na],
      ),
    ]);
    return layer;
  });
  const ids = (lists: readonly Int32Array[]): TfTensor =>
    tf.cast(
      tf.oneHot(
        tf.tensor(Int32Array.from(lists.flatMap((list) => [...list])), [m * T], "int32"),
        tokens,
      ),
      "float32",
    );
  const [x, y] = [ids(inputs), ids(targets)];
  const optimizer = tf.train.adam(LEARNING_RATE, 0.9, 0.999, 1e-8);
  const loss = (): TfTensor => {
    let h = tf.matMul(x, E, false, false).reshape([m, T, embedding]);
    for (const layer of stack) h = layer.apply(h);
    const logits = tf.add(tf.matMul(h.reshape([m * T, na]), W, false, true), bias);
    return tf.losses.softmaxCrossEntropy(y, logits);
  };
  return {
    step: () => tf.tidy(() => optimizer.minimize(loss, true).dataSync()[0] as number),
    release: () => tf.disposeVariables(),
  };
});
