// The maps, timed on the kernels module itself (build/kernels.wasm), because the package's functions copy around them.
import { readFileSync } from "node:fs";
import { runLayerWorker } from "../timing/worker.js";

const f32 = process.argv[2] === "f32";
const BYTES = f32 ? 4 : 8;
const START = 4096;

type Map = (n: number, x: number, y: number) => void;

const memory = new WebAssembly.Memory({ initial: 16 });
const abort = (): never => {
  throw new Error("an assertion of the kernel failed");
};
const module = new WebAssembly.Module(readFileSync("build/kernels.wasm"));
const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });

await runLayerWorker(({ work, nx }, { x }) => {
  const name = `${work === "tanh-map" ? "tanh_map" : "sigmoid_map"}${f32 ? "_f32" : ""}`;
  const map = exports[name] as Map | undefined;
  if (map === undefined) throw new Error(`the kernels have no ${name}`);
  const base = (exports.heap_base as () => number)();
  const from = Math.ceil(base / START) * START;
  const to = from + Math.ceil((nx * BYTES) / START) * START;
  const view = (at: number): Float64Array | Float32Array =>
    f32 ? new Float32Array(memory.buffer, at, nx) : new Float64Array(memory.buffer, at, nx);
  view(from).set(x);
  const y = view(to);
  return {
    call: () => {
      map(nx, from, to);
      return y[nx - 1] as number;
    },
    result: () => y,
  };
});
