import { describe, expect, it } from "vitest";
import { rnnGatesBackward, rnnGatesForward } from "../../oracle/cells.js";
import { firstDifference, units } from "../../support/compare.js";
import {
  type TrainingTwin,
  type Twin,
  trainingTwins,
  twins,
  Workbench,
} from "../../support/kernels.js";
import { randomArray, SPECIAL, specialArray, uniform } from "../../support/random.js";
import { functionsOf, plainOf } from "../activations.js";

// A vector holds 2 units, in f32 4: below, at, just above and many times that.
const SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 101];

/** Two roundings of the kernel's quotient and polynomial, one of JavaScript's tanh: seen at 2.1 over 300,000 values
 * of f64 and over all of f32. */
const UNITS = 3;

function forward(build: Twin, z: Float64Array, shift = 0): Float64Array {
  const bench = new Workbench(build);
  const from = bench.constant("z", z, shift);
  const to = bench.output("h", z.length, 1 - shift);
  build.kernels.rnn_gates_forward(z.length, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

type Triple = readonly [h: Float64Array, dy: Float64Array, dh: Float64Array];

function backward(build: TrainingTwin, [h, dy, dh]: Triple, shift = 0): Float64Array {
  const bench = new Workbench(build);
  const inputs = [
    bench.constant("h", h, shift).pointer,
    bench.constant("dy", dy, 1 - shift).pointer,
    bench.constant("dh", dh, shift).pointer,
  ] as const;
  const to = bench.output("dz", h.length, 1 - shift);
  build.kernels.rnn_gates_backward(h.length, ...inputs, to.pointer);
  bench.check();
  return to.read();
}

describe.each(twins)("rnn_gates_forward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(30);
  const wide = (n: number): Float64Array => randomArray(next, n).map((value) => 8 * value ** 3);

  it.each(SIZES)(`n = %i: tanh_map's bits, within ${UNITS} units of Math.tanh`, (n) => {
    for (const shift of [0, 1]) {
      const z = wide(n);
      const h = forward(build, z, shift);
      expect(firstDifference(h, rnnGatesForward(z, own))).toBeUndefined();
      const plain = rnnGatesForward(z, plainOf(build));
      expect(units(h, plain, plain, build.numbers)).toBeLessThanOrEqual(UNITS);
    }
  });

  it("gives the same bits in place", () => {
    for (const n of SIZES) {
      const z = wide(n);
      const bench = new Workbench(build);
      const both = bench.input("z and h", z);
      build.kernels.rnn_gates_forward(n, both.pointer, both.pointer);
      bench.check();
      expect(firstDifference(both.read(), forward(build, z))).toBeUndefined();
    }
  });

  it("saturates at ±1, keeps ±0, subnormal numbers and NaN, at odd and even places", () => {
    const cases: [z: number, h: number][] = [
      [Number.POSITIVE_INFINITY, 1],
      [Number.NEGATIVE_INFINITY, -1],
      [1e308, 1],
      [-745, -1],
      [20, 1],
      [0, 0],
      [-0, -0],
      [5e-324, 5e-324],
      [-1e-310, -1e-310],
      [2 ** -149, 2 ** -149],
      [-1e-40, -1e-40],
      [Number.NaN, Number.NaN],
    ];
    const [z, want] = [cases.map(([value]) => value), cases.map(([, value]) => value)];
    for (const lead of [[], [0]]) {
      const h = forward(build, Float64Array.from([...lead, ...z]));
      expect(firstDifference(h, [...lead, ...want.map(build.numbers.round)])).toBeUndefined();
    }
  });
});

describe.each(trainingTwins)(
  "rnn_gates_backward, $name build: every bit as the plain loop",
  (build) => {
    const next = uniform(31);

    it.each(SIZES)("n = %i", (n) => {
      for (const shift of [0, 1]) {
        const operands = [
          randomArray(next, n),
          randomArray(next, n),
          randomArray(next, n),
        ] as const;
        const found = firstDifference(
          backward(build, operands, shift),
          rnnGatesBackward(...operands, build.numbers.round),
        );
        expect(found, `shift ${shift}`).toBeUndefined();
      }
    });

    it("a saturated unit passes nothing on; NaN, ±Inf and subnormal numbers as IEEE has them", () => {
      const one = [Float64Array.of(1, -1, 1), Float64Array.of(3, 4, 5), Float64Array.of(6, 7, 8)];
      expect([...backward(build, one as unknown as Triple)]).toEqual([0, 0, 0]);
      for (let seed = 0; seed < 20; seed++) {
        const n = SPECIAL.length + (seed % 2);
        const operands = [0, 100, 200].map((more) => specialArray(seed + more, n));
        const triple = operands as unknown as Triple;
        const found = firstDifference(
          backward(build, triple),
          rnnGatesBackward(...triple, build.numbers.round),
        );
        expect(found, `seed ${seed}`).toBeUndefined();
      }
    });
  },
);
