// A process that starts, scores one small sequence and ends. Its whole life, beside that of an empty process
// (ours/empty.ts), is the cold start.
import { createEngine, lstmForward, tensor } from "recurra";
import { sizes } from "../cases/cases.js";
import { createRecurrent } from "./fast_road.js";

const { nx, na, m, T } = sizes.S1 as (typeof sizes)[string];
const numbers = (length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => Math.sin(i) / 2);
const full = (...shape: number[]) => tensor(shape, numbers(shape.reduce((a, b) => a * b, 1)));

const engine = await createEngine();
let score: Float64Array | Float32Array;
if (createRecurrent === undefined) {
  const [W, b] = [full(na, na + nx), full(na, 1)];
  const gates = { Wf: W, bf: b, Wi: W, bi: b, Wc: W, bc: b, Wo: W, bo: b };
  const parameters = { ...gates, Wy: full(1, na), by: full(1, 1) };
  score = lstmForward(engine, full(nx, m, T), full(na, m), parameters).y.data;
} else {
  const layer = createRecurrent(engine, { cell: "lstm", inputSize: nx, hiddenSize: na });
  layer.load({
    ...{ weight_ih_l0: numbers(4 * na * nx), weight_hh_l0: numbers(4 * na * na) },
    ...{ bias_ih_l0: numbers(4 * na), bias_hh_l0: numbers(4 * na) },
  });
  score = layer.forward(full(T, m, nx)).y.data;
}
if (!score.every(Number.isFinite)) process.exit(1);
