import { describe, expect, it } from "vitest";
import { type Activation, FUNCTION_NAMES } from "../../oracle/activations.js";
import { rnnGeneralBackward, rnnGeneralForward } from "../../oracle/cells.js";
import { firstDifference } from "../../support/compare.js";
import {
  type TrainingTwin,
  type Twin,
  trainingTwins,
  twins,
  Workbench,
} from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { activation, benchOf, CLIPS, gatesOf, STANDARD } from "../activations.js";

const SIZES = [0, 1, 2, 3, 4, 5, 8, 9, 33];

interface Case {
  activations: readonly Activation[];
  clip: number;
}

function forward(build: Twin, { activations, clip }: Case, z: Float64Array, shift = 0) {
  const { bench, functions } = benchOf(build, activations, clip);
  const from = bench.constant("z", z, shift);
  const to = bench.output("h", z.length, 1 - shift);
  build.kernels.rnn_general_forward(z.length, functions, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

type Operands = { readonly [name in "z" | "h" | "dy" | "dh"]: Float64Array };

function backward(build: TrainingTwin, { activations, clip }: Case, given: Operands, shift = 0) {
  const { bench, functions } = benchOf(build, activations, clip);
  const n = given.z.length;
  const z = bench.constant("z", given.z, shift).pointer;
  const h = bench.constant("h", given.h, 1 - shift).pointer;
  const dy = bench.constant("dy", given.dy, shift).pointer;
  const dh = bench.constant("dh", given.dh, 1 - shift).pointer;
  const dz = bench.output("dz", n, shift);
  build.kernels.rnn_general_backward(n, functions, z, h, dy, dh, dz.pointer);
  bench.check();
  return dz.read();
}

describe.each(twins)("rnn_general_forward, $name build", (build) => {
  it.each(FUNCTION_NAMES)("%s: every bit as the plain loop around activation_map", (name) => {
    const next = uniform(80);
    for (const clip of CLIPS) {
      const gates = gatesOf(build, [activation(name)], clip);
      for (const n of SIZES) {
        for (const z of [randomArray(() => 2 * next(), n), specialArray(n, n)]) {
          for (const shift of [0, 1]) {
            const got = forward(build, { activations: [activation(name)], clip }, z, shift);
            expect(firstDifference(got, rnnGeneralForward(z, gates)), `n ${n}`).toBeUndefined();
          }
        }
      }
    }
  });

  it("with tanh it is rnn_gates_forward, every bit; h may be z", () => {
    const z = randomArray(uniform(81), 33);
    const bench = new Workbench(build);
    const [from, to] = [bench.constant("z", z), bench.output("h", 33)];
    build.kernels.rnn_gates_forward(33, from.pointer, to.pointer);
    const want = to.read();
    const standard = { activations: STANDARD.slice(1), clip: Infinity };
    expect(firstDifference(forward(build, standard, z), want)).toBeUndefined();
    const { bench: other, functions } = benchOf(build, STANDARD.slice(1), Infinity);
    const both = other.input("z and h", z);
    build.kernels.rnn_general_forward(33, functions, both.pointer, both.pointer);
    other.check();
    expect(firstDifference(both.read(), want)).toBeUndefined();
  });
});

describe.each(trainingTwins)("rnn_general_backward, $name build", (build) => {
  it.each(FUNCTION_NAMES)("%s: every bit as the plain loop around the kernels' own", (name) => {
    const next = uniform(82);
    for (const clip of CLIPS) {
      const given = { activations: [activation(name)], clip };
      const gates = gatesOf(build, given.activations, clip);
      for (const n of SIZES) {
        for (const draw of [
          () => randomArray(() => 2 * next(), n),
          () => specialArray(Math.floor(1000 * next()), n),
        ]) {
          const [z, dy, dh] = [draw(), draw(), draw()];
          const operands = { z, h: forward(build, given, z), dy, dh };
          for (const shift of [0, 1]) {
            const got = backward(build, given, operands, shift);
            const found = firstDifference(got, rnnGeneralBackward(operands, gates));
            expect(found, `n ${n}, clip ${clip}`).toBeUndefined();
          }
        }
      }
    }
  });

  it("what is clamped passes nothing on, what stands at ±clip all", () => {
    const given = { activations: [activation("identity")], clip: 0.5 };
    const z = Float64Array.of(-0.6, -0.5, 0, 0.5, 0.6);
    const [dy, dh] = [new Float64Array(5).fill(2), new Float64Array(5).fill(1)];
    const h = forward(build, given, z);
    expect([...h]).toEqual([-0.5, -0.5, 0, 0.5, 0.5]);
    expect([...backward(build, given, { z, h, dy, dh })]).toEqual([0, 3, 3, 3, 0]);
  });
});
