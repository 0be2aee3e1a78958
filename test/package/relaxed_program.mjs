// Run by test/package/relaxed.test.ts in a Node of its own: prints what an engine that asks for the relaxed build is and gives.
import { createEngine, createRecurrent } from "recurra";

// "without" plays a host that lacks relaxed SIMD: it refuses whatever holds one of its instructions.
if (process.argv[2] === "without") {
  const { validate } = WebAssembly;
  WebAssembly.validate = (bytes) => !String(bytes).includes("253,128,2") && validate(bytes);
}

const engine = await createEngine({ relaxed: true });
const exact = await createEngine();

let seed = 1;
const random = (length) =>
  Float64Array.from({ length }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 32;
  });
const [nx, na, m, T] = [6, 17, 5, 40];
const weights = { weight_ih_l0: random(4 * na * nx), weight_hh_l0: random(4 * na * na) };
const x = { shape: [T, m, nx], data: random(T * m * nx) };
const dy = { shape: [T, m, na], data: random(T * m * na) };

const [got, want] = [engine, exact].map((each) => {
  const layer = createRecurrent(each, { cell: "lstm", inputSize: nx, hiddenSize: na });
  layer.load(weights);
  const { y, tape } = layer.forward(x, undefined, { keepTape: true });
  const { dx, gradients } = layer.backward(dy, tape);
  return [y.data, dx.data, gradients.weight_hh_l0.data];
});
const errors = want.map((numbers, k) => {
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return numbers.reduce((most, v, i) => Math.max(most, Math.abs(v - got[k][i]) / largest), 0);
});
const { features, deterministic } = engine;
console.log(JSON.stringify({ features, deterministic, error: Math.max(...errors) }));
