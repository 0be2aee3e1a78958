// TensorFlow.js, backend wasm (one thread), on language models: padded batches of 32 in the order of the file.
import { scoringJob } from "../cases/language.js";
import { type ModelFile, readModelFile, stored } from "../cases/model_file.js";
import { runLanguageWorker } from "../timing/worker.js";
import { addUp, type Batch, batches } from "./batches.js";
import { requireRival } from "./modules.js";

interface TfTensor {
  readonly shape: number[];
  dataSync(): Float32Array;
}

interface Layer {
  setWeights(weights: TfTensor[]): void;
  apply(x: TfTensor): TfTensor;
}

interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array | Int32Array, shape: readonly number[], type?: "int32"): TfTensor;
  tidy<R>(work: () => R): R;
  gather(x: TfTensor, indices: TfTensor): TfTensor;
  reshape(x: TfTensor, shape: number[]): TfTensor;
  logSoftmax(x: TfTensor): TfTensor;
  layers: Record<"embedding" | "lstm" | "dense", (options: object) => Layer>;
}

const tf: Tf = requireRival("@tensorflow/tfjs");
const wasm: { setThreadsCount(n: number): void } = requireRival("@tensorflow/tfjs-backend-wasm");
wasm.setThreadsCount(1);
if (!(await tf.setBackend("wasm"))) throw new Error("no backend wasm");

/** (rows, columns) → (columns, rows): a kernel of TensorFlow's is the transpose of PyTorch's weight. */
function transposed(file: ModelFile, name: string): TfTensor {
  const { shape, data } = stored(file, name);
  const [rows, columns] = shape as [number, number];
  const to = new Float32Array(data.length);
  data.forEach((v, i) => {
    to[(i % columns) * rows + Math.floor(i / columns)] = v;
  });
  return tf.tensor(to, [columns, rows]);
}

/** Embedding, LSTM layers and the linear layer; one step of one token builds them. */
function layers(file: ModelFile): Layer[] {
  const { shape, data } = stored(file, "embedding.weight");
  const [inputDim, outputDim] = shape as [number, number];
  const all: [Layer, TfTensor[]][] = [
    [tf.layers.embedding({ inputDim, outputDim }), [tf.tensor(data, shape)]],
  ];
  for (let k = 0; file.has(`lstm.weight_hh_l${k}`); k++) {
    const bias = stored(file, `lstm.bias_hh_l${k}`).data;
    const sum = stored(file, `lstm.bias_ih_l${k}`).data.map((b, i) => b + (bias[i] as number));
    const options = {
      units: sum.length / 4,
      returnSequences: true,
      recurrentActivation: "sigmoid",
    };
    const kernels = ["ih", "hh"].map((name) => transposed(file, `lstm.weight_${name}_l${k}`));
    all.push([tf.layers.lstm(options), [...kernels, tf.tensor(sum, [sum.length])]]);
  }
  const bias = stored(file, "decoder.bias").data;
  const head = tf.layers.dense({ units: bias.length });
  all.push([head, [transposed(file, "decoder.weight"), tf.tensor(bias, [bias.length])]]);
  tf.tidy(() => {
    let x = tf.tensor(new Int32Array(1), [1, 1], "int32");
    for (const [layer] of all) x = layer.apply(x);
  });
  for (const [layer, weights] of all) layer.setWeights(weights);
  return all.map(([layer]) => layer);
}

/** The log-probabilities of a batch's counted steps. Batch first: (m, T). */
function logProbabilities(stack: readonly Layer[], { tokens, rows, targets, T, m }: Batch) {
  const turned = tokens.map((_, i) => tokens[(i % T) * m + Math.floor(i / T)] as number);
  const places = rows.map((r) => (r % m) * T + Math.floor(r / m));
  return tf.tidy(() => {
    let x = tf.tensor(turned, [m, T], "int32");
    for (const layer of stack.slice(0, -1)) x = layer.apply(x);
    const na = x.shape[2] as number;
    const counted = tf.gather(
      tf.reshape(x, [m * T, na]),
      tf.tensor(places, [places.length], "int32"),
    );
    const all = tf.logSoftmax((stack.at(-1) as Layer).apply(counted)).dataSync();
    const classes = all.length / targets.length;
    return Float32Array.from(targets, (target, i) => all[i * classes + target] as number);
  });
}

await runLanguageWorker(({ calls }, files) => {
  const stack = layers(readModelFile(files.bytes));
  return scoringJob(files, calls, (lines, scores) => {
    for (const batch of batches(lines, files.vocabulary, false)) {
      addUp(batch, lines, logProbabilities(stack, batch), scores);
    }
  });
});
