// brain.js: its LSTMTimeStep is a cell of its own, with the products of an LSTM but without a cell state
// (cases/expected.ts). It takes one sequence at a time, so a batch is a loop.
import { runLayerWorker } from "../timing/worker.js";
import { requireRival } from "./modules.js";

interface Matrix {
  weights: Float32Array;
}

interface Network {
  model: {
    hiddenLayers: Record<string, Matrix>[];
    /** Per step, per layer: the hidden state. */
    equationConnections: Matrix[][];
  };
  initialize(): void;
  bindEquation(): void;
  run(sequence: Float32Array[]): ArrayLike<number>;
}

const brain: { recurrent: { LSTMTimeStep: new (options: object) => Network } } =
  requireRival("brain.js");

const GATES = ["input", "forget", "cellActivation", "output"];

await runLayerWorker(({ nx, na, m, T }, o) => {
  const sizes = { inputSize: nx, hiddenLayers: [na], outputSize: 1 };
  const network = new brain.recurrent.LSTMTimeStep(sizes);
  network.initialize();
  network.bindEquation(); // training would; without, run() refuses
  const layer = network.model.hiddenLayers[0] as Record<string, Matrix>;
  const set = (name: string, data: Float64Array): void => {
    const { weights } = layer[name] as Matrix;
    if (weights.length !== data.length) throw new Error(`brain.js: ${name} has another size`);
    weights.set(data);
  };
  GATES.forEach((gate, g) => {
    const part = (data: Float64Array): Float64Array =>
      data.subarray((g * data.length) / 4, ((g + 1) * data.length) / 4);
    set(`${gate}Matrix`, part(o.weight_ih));
    set(`${gate}Hidden`, part(o.weight_hh));
    set(
      `${gate}Bias`,
      part(o.bias_ih).map((b, i) => b + (part(o.bias_hh)[i] as number)),
    );
  });
  const sequences = Array.from({ length: m }, (_, b) =>
    Array.from({ length: T }, (_, t) =>
      Float32Array.from(o.x.subarray((t * m + b) * nx, (t * m + b + 1) * nx)),
    ),
  );
  const y = new Float32Array(T * m * na);
  const call = (): number => {
    sequences.forEach((sequence, b) => {
      network.run(sequence);
      for (let t = 0; t < T; t++) {
        const [hidden] = network.model.equationConnections[t] as [Matrix];
        y.set(hidden.weights, (t * m + b) * na);
      }
    });
    return y[y.length - 1] as number;
  };
  return { call, result: () => y };
});
