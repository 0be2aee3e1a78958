// A process that starts, runs a small layer over one sequence and ends. Its life beside that of an empty process
// (ours/empty.ts) is the cold start.
import { createEngine, createRecurrent, tensor } from "recurra";

const [nx, na, m, T] = [3, 5, 10, 7];
const numbers = (length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => Math.sin(i) / 2);

const engine = await createEngine();
const layer = createRecurrent(engine, { cell: "lstm", inputSize: nx, hiddenSize: na });
layer.load({
  weight_ih_l0: numbers(4 * na * nx),
  weight_hh_l0: numbers(4 * na * na),
  bias_ih_l0: numbers(4 * na),
  bias_hh_l0: numbers(4 * na),
});
const { y } = layer.forward(tensor([T, m, nx], numbers(T * m * nx)));
if (!y.data.every(Number.isFinite)) process.exit(1);
