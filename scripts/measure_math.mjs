// Prints the largest error of each map against a table of scripts/make_math_table.py, decreases along random runs of
// consecutive doubles, and the time per value. Why it exists: the figures of docs/numerics.md come from it.
// Run: node scripts/measure_math.mjs [table] [pairs]

import { readFileSync } from "node:fs";

const [path = "test/fixtures/math.bin", pairs = "1e6"] = process.argv.slice(2);
const memory = new WebAssembly.Memory({ initial: 1024 });
const { instance } = await WebAssembly.instantiate(readFileSync("build/kernels.wasm"), {
  env: { memory },
});
const kernels = instance.exports;
const table = new Float64Array(new Uint8Array(readFileSync(path)).buffer);
const from = Math.ceil(kernels.heap_base() / 16) * 16;
const [SIZE, rows] = [4096, table.length / 12];
const x = new Float64Array(memory.buffer, from, SIZE);
const words = new BigInt64Array(memory.buffer, from, SIZE);
const y = new Float64Array(memory.buffer, from + 8 * SIZE, SIZE);
const word = new DataView(new ArrayBuffer(8));
/** One unit in the last place of `value`. */
function unit(value) {
  word.setFloat64(0, Math.abs(value));
  word.setBigInt64(0, word.getBigInt64(0) + 1n);
  return word.getFloat64(0) - Math.abs(value);
}

const wide = [-1, 1, -708, 38];
const log = [0.5, 2, 1e-3, 1e3];
["exp", "log", "sigmoid", "tanh"].forEach((name, f) => {
  const run = () => kernels[`${name}_map`](SIZE, x.byteOffset, y.byteOffset);
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
  for (let i = 0; i < SIZE; i++)
    x[i] = name === "log" ? 0.01 + (i * 10) / SIZE : (i * 8) / SIZE - 4;
  const times = Array.from({ length: 31 }, () => {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 250; i++) run();
    return Number(process.hrtime.bigint() - begin) / 250 / SIZE;
  }).sort((a, b) => a - b);
  console.log(
    `${name}: ${worst.toFixed(2)} ULP at ${place}; decreases ${decreases}; ${times[15].toFixed(2)} ns per value`,
  );
});
