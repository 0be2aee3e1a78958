// Runs exp_map_f32, sigmoid_map_f32, tanh_map_f32 and activation_map_f32's elu and softplus over all 2^32 floats and prints, for
// each, the largest distance from the correctly rounded value and from the exact one, and where it decreases. Exit code 1: more
// than 2 places or a decrease (elu: 3, and a million). Why it exists: in single precision a bound need not be argued, it can be counted.
// Reference: Math in f64, whose own error is below 2^-27 of an f32 unit. Run: npm run build, then this [name]   (a minute each)

import { readFileSync } from "node:fs";

const ACTIVATIONS = {
  exp: Math.exp,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  elu: (x) => (x < 0 ? Math.expm1(x) : x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};
const [SIZE, memory] = [2 ** 20, new WebAssembly.Memory({ initial: 1024 })];
const module = new WebAssembly.Module(readFileSync("build/kernels.wasm"));
const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
const start = Math.ceil(kernels.heap_base() / 16) * 16;
const [x, y] = [0, 4].map((by) => new Float32Array(memory.buffer, start + by * SIZE, SIZE));
const [xBits, yBits] = [x, y].map((a) => new Int32Array(a.buffer, a.byteOffset, SIZE));
const functions = new Float64Array(memory.buffer, start + 8 * SIZE, 10); // a record of assembly/base/activations
const rounded = new Float32Array(1);
const bits = new Int32Array(rounded.buffer);

/** Bits from 0 up are the floats from 0 to Infinity and NaNs, bits from 2^31 up the same with a minus. */
function sweep(name) {
  const found = { name, places: 0, placesAt: 0, units: 0, unitsAt: 0, decreases: 0, wrong: 0 };
  functions.set([Infinity, name === "elu" ? 8 : 10, 1]);
  const map = kernels[`${name}_map_f32`] ?? kernels.activation_map_f32;
  const general = map.length === 5 ? [functions.byteOffset, 0] : [];
  let last = Number.NaN;
  for (let first = 0; first < 2 ** 32; first += SIZE) {
    for (let i = 0; i < SIZE; i++) xBits[i] = first + i;
    map(SIZE, ...general, x.byteOffset, y.byteOffset);
    for (let i = 0; i < SIZE; i++) {
      const exact = ACTIVATIONS[name](x[i]);
      rounded[0] = exact;
      if (first >= 2 ** 31 ? y[i] > last : y[i] < last) found.decreases++;
      last = y[i];
      if (!Number.isFinite(rounded[0]) || yBits[i] >> 31 !== bits[0] >> 31) {
        if (!Object.is(y[i], rounded[0])) found.wrong++; // NaN, Infinity or a sign
        continue;
      }
      const places = Math.abs(yBits[i] - bits[0]);
      if (places > found.places) Object.assign(found, { places, placesAt: x[i] });
      bits[0] = bits[0] & 0x7f800000 || 0x00800000; // a power of two, 2^23 units large
      const units = Math.abs(((y[i] - exact) / rounded[0]) * 2 ** 23);
      if (units > found.units) Object.assign(found, { units, unitsAt: x[i] });
    }
  }
  return found;
}

for (const name of process.argv[2] ? [process.argv[2]] : Object.keys(ACTIVATIONS)) {
  const found = sweep(name);
  console.log(JSON.stringify(found));
  const more = name === "elu" ? 1 : 0;
  if (found.places > 2 + more || found.decreases > more * 1e6 || found.wrong) process.exitCode = 1;
}
