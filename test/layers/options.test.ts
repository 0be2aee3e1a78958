import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/index.js";
import { expectNear, expectSame, relativeError } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { drawNetwork, listed, networks, open, runOracle, startOf } from "../support/networks.js";

// Sums of at most 30 products, rounded in another order, over at most 6 steps and 3 layers of networks whose weights are
// at most 1.5/√n: 30·2^−53 = 3e-15, and what cancels is a hundred times larger than what is left (test/support/compare.ts).
const BOUND = 1e-12;
// The same in f32: 30·2^−24 = 2e-6.
const SINGLE = 5e-4;

// Below, at and above the tiles: 4 outputs of f64 and 8 of f32 in a panel, four rows at a time.
const sizes = { nx: 5, na: 9, lengths: [3, 6, 0, 1, 5, 6, 2] };

const rounded = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map(Math.fround) });
const single = ({ shape, data }: Tensor) => ({ shape, data: Float32Array.from(data) });
const double = ({ shape, data }: { shape: readonly number[]; data: Float32Array }): Tensor => ({
  shape,
  data: Float64Array.from(data),
});

describe.each(engines)("networks of every kind on the $name", ({ engine }) => {
  it.each(networks)(`$name: outputs and states are the plain loops', to ${BOUND}`, ({ kind }) => {
    const drawn = drawNetwork(kind, sizes, 1);
    const network = open(engine, drawn);
    const state = startOf(network, drawn);
    const { outputs } = network.forward(drawn.sequences, state);
    const want = runOracle(drawn);
    expectNear(listed("y", outputs), listed("y", want.outputs), BOUND);
    expectNear({ ...state.read() }, { ...want.state }, BOUND);
    for (const made of [state, network]) made.dispose();
  });

  it.each(networks)(`f32, $name: outputs and states are the plain loops', to ${SINGLE}`, (each) => {
    const drawn = drawNetwork(each.kind, sizes, 2);
    const { h, c } = drawn.state;
    for (const tensor of [...Object.values(drawn.weights), h, c, ...drawn.sequences]) {
      tensor?.data.set(rounded(tensor).data);
    }
    const network = open(engine, drawn, "f32");
    const state = network.createState(drawn.sequences.length);
    state.write({ h: single(h), ...(c && { c: single(c) }) });
    const { outputs } = network.forward(drawn.sequences.map(single), state);
    const want = runOracle(drawn);
    outputs.forEach((y, b) => {
      expect(relativeError(double(y), want.outputs[b] as Tensor)).toBeLessThan(SINGLE);
    });
    const end = state.read();
    expect(relativeError(double(end.h), want.state.h)).toBeLessThan(SINGLE);
    if (end.c) expect(relativeError(double(end.c), want.state.c as Tensor)).toBeLessThan(SINGLE);
    for (const made of [state, network]) made.dispose();
  });

  it.each(networks.filter(({ kind }) => !(kind.reverse || kind.bidirectional)))(
    "$name: step by step, 0 bits of difference",
    ({ kind }) => {
      const [m, T] = [3, 4];
      const drawn = drawNetwork(kind, { nx: 5, na: 9, lengths: Array(m).fill(T) }, 3);
      const network = open(engine, drawn);
      const [whole, live] = [startOf(network, drawn), startOf(network, drawn)];
      const { outputs } = network.forward(drawn.sequences, whole);
      for (let t = 0; t < T; t++) {
        const rows = (all: readonly Tensor[]) =>
          all.flatMap(({ shape: [, n = 0], data }) => [...data.subarray(t * n, (t + 1) * n)]);
        const x = { shape: [m, 5], data: Float64Array.from(rows(drawn.sequences)) };
        const y = network.step(x, live);
        expectSame({ y }, { y: { shape: y.shape, data: Float64Array.from(rows(outputs)) } });
      }
      expectSame({ ...live.read() }, { ...whole.read() });
      for (const made of [whole, live, network]) made.dispose();
    },
  );
});
