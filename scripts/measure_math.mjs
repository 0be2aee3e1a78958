// Prints the largest error of each map against a table of scripts/make_math_table.py, decreases along random runs of
// consecutive doubles, and the time per value. Why it exists: the figures of docs/numerics.md come from it.
// Run: node scripts/measure_math.mjs [table] [pairs]

import { readFileSync } from "node:fs";

const [path = "test/fixtures/math.bin", pairs = "1e6"] = process.argv.slice(2);
const memory = new WebAssembly.Memory({ initial: 1024 });
const module = new WebAssembly.Module(readFileSync("build/kernels.wasm"));
const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
const table = new Float64Array(new Uint8Array(readFileSync(path)).buffer);
const from = Math.ceil(kernels.heap_base() / 16) * 16;
const [SIZE, rows] = [4096, table.length / 18];
const x = new Float64Array(memory.buffer, from, SIZE);
const words = new BigInt64Array(memory.buffer, from, SIZE);
const y = new Float64Array(memory.buffer, from + 8 * SIZE, SIZE);
const functions = new Float64Array(memory.buffer, from + 16 * SIZE, 10); // a record of assembly/base/activations
const word = new DataView(new ArrayBuffer(8));
/** One unit in the last place of `value`. */
function unit(value) {
  word.setFloat64(0, Math.abs(value));
  word.setBigInt64(0, word.getBigInt64(0) + 1n);
  return word.getFloat64(0) - Math.abs(value);
}

const wide = [-1, 1, -708, 38];
const log = [0.5, 2, 1e-3, 1e3];
["exp", "log", "sigmoid", "tanh", "elu", "softplus"].forEach((name, f) => {
  functions.set([Infinity, name === "elu" ? 8 : 10, 1]);
  const general = [functions.byteOffset, 0].slice(kernels[`${name}_map`] ? 2 : 0);
  const map = kernels[`${name}_map`] ?? kernels.activation_map;
  const run = () => map(SIZE, ...general, x.byteOffset, y.byteOffset);
  let [worst, place, decreases] = [0, 0, 0];
  for (let start = f * rows; start < (f + 1) * rows; start += SIZE) {
    const count = Math.min(SIZE, (f + 1) * rows - start);
    for (let i = 0; i < count; i++) x[i] = table[(start + i) * 3];
    run();
    for (let i = 0; i < count; i++) {
      const [, rounded, rest] = table.subarray((start + i) * 3);
      const error = Math.abs((y[i] - rounded) / unit(rounded) - rest);
      if (error > worst) [worst, place] = [error, x[i]];
    }
  }
  for (let n = 0; n * SIZE < Number(pairs); n++) {
    const [low, high] = (name === "log" ? log : wide).slice((n % 2) * 2);
    x[0] = low + (high - low) * Math.random();
    for (let i = 1; i < SIZE; i++) words[i] = words[0] + BigInt(i);
    run();
    for (let i = 1; i < SIZE; i++) if (!(Math.sign(x[0]) * (y[i] - y[i - 1]) >= 0)) decreases++;
  }
  for (let i = 0; i < SIZE; i++) x[i] = (i * 8) / SIZE + (name === "log" ? 0.01 : -4);
  const times = Array.from({ length: 31 }, () => {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 250; i++) run();
    return Number(process.hrtime.bigint() - begin) / 250 / SIZE;
  }).sort((a, b) => a - b);
  const [ulp, ns] = [worst.toFixed(2), times[15].toFixed(2)];
  console.log(`${name}: ${ulp} ULP at ${place}; decreases ${decreases}; ${ns} ns per value`);
});
