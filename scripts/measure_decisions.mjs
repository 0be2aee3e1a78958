// Why this exists: each page of docs/decisions that names a number names the command that makes it, and this is it.
// Usage: npm run build && node --expose-gc scripts/measure_decisions.mjs layout | sums | dispose | precision | arrays | products
import { readFileSync } from "node:fs";
import { createEngine, createRecurrent, lstmForward, tensor } from "recurra";
import { createArraysSync } from "recurra/arrays";

/** Seeded numbers in −1 … 1 (Lehmer, 2^31 − 1). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
}

const draw = random(7);
const numbers = (length, scale = 1) => Float64Array.from({ length }, () => scale * draw());
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const engine = await createEngine();

function lstm(nx, na, precision = "f64") {
  const network = createRecurrent(engine, {
    cell: "lstm",
    inputSize: nx,
    hiddenSize: na,
    precision,
  });
  const weights = {
    weight_ih_l0: numbers(4 * na * nx, 0.2),
    weight_hh_l0: numbers(4 * na * na, 0.2),
    bias_ih_l0: numbers(4 * na, 0.2),
  };
  network.load(weights);
  return { network, weights };
}

/** Medians of works that run in turn, in µs. */
function race(works, rounds = 41) {
  const times = works.map(() => []);
  for (let round = 0; round < rounds; round++) {
    works.forEach((work, i) => {
      const start = performance.now();
      work();
      if (round > 5) times[i].push(1000 * (performance.now() - start));
    });
  }
  return times.map(median);
}

/** 32 sequences of 2 … 78 steps: as a ragged list, and padded to the longest. */
function layout() {
  const [nx, na] = [32, 64];
  const { network } = lstm(nx, na);
  const lengths = Array.from({ length: 32 }, (_, i) => 2 + ((i * 37) % 77));
  const longest = Math.max(...lengths);
  const list = lengths.map((T) => ({ shape: [T, nx], data: numbers(T * nx) }));
  const padded = { shape: [longest, 32, nx], data: numbers(longest * 32 * nx) };
  const equal = Array.from({ length: 32 }, () => ({ shape: [40, nx], data: numbers(40 * nx) }));
  const dense = { shape: [40, 32, nx], data: numbers(40 * 32 * nx) };
  const run = (x) => () => network.forward(x).state.dispose();
  const [ragged, full, listed, tensored] = race([run(list), run(padded), run(equal), run(dense)]);
  const steps = lengths.reduce((a, b) => a + b, 0);
  console.log(`LSTM, ${na} units, 32 sequences of 2 … ${longest} steps, ${steps} steps in all`);
  console.log(
    `  ragged list ${ragged.toFixed(0)} µs, padded tensor ${full.toFixed(0)} µs: ${(full / ragged).toFixed(2)} times as long`,
  );
  console.log(`  steps padded / steps: ${((32 * longest) / steps).toFixed(2)}`);
  console.log(
    `  32 sequences of 40 steps: list ${listed.toFixed(0)} µs, tensor ${tensored.toFixed(0)} µs`,
  );
}

/** What a sum in two interleaved parts would change: bits, and error. */
function sums() {
  const [terms, count] = [96, 100_000];
  let [different, whole, split] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [a, b] = [numbers(terms), numbers(terms)];
    let [one, even, odd] = [0, 0, 0];
    for (let k = 0; k < terms; k++) {
      const product = a[k] * b[k];
      one += product;
      if (k % 2 === 0) even += product;
      else odd += product;
    }
    if (one !== even + odd) different++;
    const truth = compensated(a, b);
    whole += ((one - truth) / 2 ** -52) ** 2;
    split += ((even + odd - truth) / 2 ** -52) ** 2;
  }
  const rms = (sum) => Math.sqrt(sum / count).toFixed(2);
  console.log(`${count} sums of ${terms} products of numbers in −1 … 1`);
  console.log(
    `  two partial sums give other bits in ${((100 * different) / count).toFixed(0)} % of them`,
  );
  console.log(
    `  error, root mean square, in units of 2^−52: one chain ${rms(whole)}, two chains ${rms(split)}`,
  );
}

/** A sum of rounded products by Neumaier's algorithm. */
function compensated(a, b) {
  let [sum, rest] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    const product = a[k] * b[k];
    const next = sum + product;
    rest += Math.abs(sum) >= Math.abs(product) ? sum - next + product : product - next + sum;
    sum = next;
  }
  return sum + rest;
}

/** Forward calls whose caches are disposed of, or forgotten. */
async function dispose() {
  const limited = await createEngine({ maximumBytes: 64 * 2 ** 20 });
  const [nx, na, m, T] = [32, 64, 8, 64];
  const gate = () => [tensor([na, na + nx], numbers(na * (na + nx))), tensor([na, 1], numbers(na))];
  const [[Wf, bf], [Wi, bi], [Wc, bc], [Wo, bo]] = [gate(), gate(), gate(), gate()];
  const parameters = { Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy: tensor([2, na]), by: tensor([2, 1]) };
  const [x, a0] = [tensor([nx, m, T], numbers(nx * m * T)), tensor([na, m])];
  const call = () => lstmForward(limited, x, a0, parameters).caches;
  const held = () => `${(limited.memory().bytes / 2 ** 20).toFixed(1)} MiB`;

  for (let i = 0; i < 2000; i++) call().dispose();
  console.log(`2,000 calls, caches disposed of: ${held()} of linear memory`);
  let calls = 0;
  try {
    for (; calls < 2000; calls++) call();
    console.log("forgotten, in one loop: no error");
  } catch (error) {
    console.log(`forgotten, in one loop: ${error.name} at call ${calls + 1}, ${held()}`);
  }
  // Room again: two turns of the event loop after a collection.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  calls = 0;
  try {
    for (; calls < 2000; calls++) {
      call();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(`forgotten, with a turn of the event loop after each: no error, ${held()}`);
  } catch (error) {
    console.log(
      `forgotten, with a turn of the event loop after each: ${error.name} at call ${calls + 1}`,
    );
  }
}

/** How closely finite differences can prove a gradient, by the number type of the forward pass. */
function precision() {
  const [nx, na, T] = [8, 16, 20];
  const f64 = lstm(nx, na);
  const x = numbers(T * nx);
  const forward = f64.network.forward({ shape: [T, 1, nx], data: x }, undefined, {
    keepTape: true,
  });
  const { gradients } = f64.network.backward(forward.y, forward.tape); // of Σ y²/2
  const exact = gradients.weight_hh_l0.data;
  for (const precision of ["f64", "f32"]) {
    const Numbers = precision === "f64" ? Float64Array : Float32Array;
    const { network } = lstm(nx, na, precision);
    const input = { shape: [T, 1, nx], data: Numbers.from(x) };
    const loss = (weights) => {
      network.load(weights);
      const { y, state } = network.forward(input);
      state.dispose();
      return y.data.reduce((sum, value) => sum + value * value, 0) / 2;
    };
    const errors = [1, 2, 3, 4, 5, 6].map((digits) => {
      const h = 10 ** -digits;
      let [difference, size] = [0, 0];
      for (let i = 0; i < 100; i++) {
        const shifted = (by) => {
          const weight_hh_l0 = Float64Array.from(f64.weights.weight_hh_l0);
          weight_hh_l0[i] += by;
          return loss({ ...f64.weights, weight_hh_l0 });
        };
        const numeric =
          (8 * (shifted(h) - shifted(-h)) - shifted(2 * h) + shifted(-2 * h)) / (12 * h);
        difference += (numeric - exact[i]) ** 2;
        size += exact[i] ** 2;
      }
      return [Math.sqrt(difference / size), h];
    });
    const [error, h] = errors.sort(([a], [b]) => a - b)[0];
    console.log(
      `forward in ${precision}: best relative error ${error.toExponential(1)}, at h = ${h}`,
    );
  }
}

/** What a call of recurra/arrays costs beside its arithmetic. */
function arrays() {
  const { tanh } = createArraysSync();
  const [one, many] = [numbers(1), numbers(2 ** 20)];
  const thousand = () => {
    for (let i = 0; i < 1000; i++) tanh(one);
  };
  for (let i = 0; i < 20; i++) thousand();
  const [small, large] = race([thousand, () => tanh(many)]);
  console.log(
    `tanh of one value ${(small / 1000).toFixed(2)} µs, of 2^20 values ${(large / 1000).toFixed(1)} ms`,
  );
}

/** The products of a training step of LSTM 128 × 2, batch 32, T 64, in both number types: what f32 would gain. */
async function products() {
  const file = readFileSync(new URL("../dist/kernels.wasm", import.meta.url));
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });
  const env = { memory, abort: () => {} };
  const { instance } = await WebAssembly.instantiate(file, { env });
  const own = instance.exports.memory ?? memory;
  own.grow(1024);
  const { gemm_packed, gemm_packed_f32, heap_base } = instance.exports;
  const base = heap_base() + (-heap_base() & 63);
  const shapes = [
    ["input, a chunk of 256 rows", 256, 512, 128],
    ["recurrent, a step", 32, 512, 128],
    ["back through time, a step", 32, 128, 512],
    ["weights, 256 rows", 512, 128, 256],
  ];
  for (const [name, rows, n, k] of shapes) {
    const elements = rows * k + n * k + n + rows * n + 48;
    // Operands of their own for each, as bits of one number type may be subnormal numbers of the other.
    const run = (gemm, array, at) => {
      const item = array.BYTES_PER_ELEMENT;
      new array(own.buffer, at, elements).fill(0.01);
      // Not a multiple of 4 KiB apart: a load waits for a store with the same low bits.
      const packed = at + rows * k * item + 64;
      const init = packed + n * k * item + 64;
      const c = init + n * item + 64;
      const calls = Math.ceil(4e7 / (2 * rows * n * k));
      return () => {
        for (let i = 0; i < calls; i++) gemm(rows, n, k, k, 0, n, at, packed, init, c);
      };
    };
    const works = [
      run(gemm_packed, Float64Array, base),
      run(gemm_packed_f32, Float32Array, base + 2 ** 24),
    ];
    // Until V8 has compiled both with its optimising compiler.
    race(works, 300);
    const [f64, f32] = race(works, 300);
    console.log(`${name}: f32 takes ${(f32 / f64).toFixed(2)} of the f64 time`);
  }
}

const works = { layout, sums, dispose, precision, arrays, products };
const [name] = process.argv.slice(2);
if (works[name] === undefined) {
  console.error(`node --expose-gc scripts/measure_decisions.mjs ${Object.keys(works).join(" | ")}`);
  process.exit(2);
}
await works[name]();
