import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecurrent } from "../../src/index.js";
import { FIXED, seeds, sizes } from "../support/cells.js";
import { firstDifference } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { cellNames, layerOf, layerWeights, randomWeights } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

// An activation's argument is a sum of at most 41 numbers that make out at most √40 in all: its rounding stays below
// 41·2^−24·√40 = 1.5e-5 at worst, a tenth of it in fact; the network does not enlarge it (measured over these draws: 5e-7).
const BOUND = 2e-6;

interface Single {
  shape: readonly number[];
  data: Float32Array;
}

const single = ({ shape, data }: Tensor): Single => ({ shape, data: Float32Array.from(data) });
const double = ({ shape, data }: Single): Tensor => ({ shape, data: Float64Array.from(data) });

const part = ({ shape: [, m = 0, n = 0], data }: Single, from: number, to: number): Single => ({
  shape: [to - from, m, n],
  data: data.subarray(from * m * n, to * m * n),
});

const worst = (got: Float32Array, want: Float64Array): number => {
  expect(got.length).toBe(want.length);
  return want.reduce((most, value, i) => {
    const error = Math.abs((got[i] as number) - value);
    return Number.isNaN(error) ? Infinity : Math.max(most, error);
  }, 0);
};

describe.each(engines)("an f32 layer on the $name", ({ engine }) => {
  describe.each(cellNames)("%s", (cell) => {
    const open = (seed: number, nx: number, na: number, m: number, T: number) => {
      const next = uniform(seed);
      const weights = randomWeights(next, cell, nx, na);
      for (const { data } of Object.values(weights)) data.set(data.map(Math.fround));
      const options = { cell, inputSize: nx, hiddenSize: na } as const;
      const layer = createRecurrent(engine, { ...options, precision: "f32" });
      layer.load(layerWeights(weights));
      const x = single(randomTensor(next, T, m, nx));
      const start = () => {
        const state = layer.createState(m);
        const [h, c] = [h0, c0].map(single) as [Single, Single];
        state.write({ h, c });
        return state;
      };
      const [h0, c0] = [randomTensor(next, 1, m, na), randomTensor(next, 1, m, na)];
      return { layer, exact: layerOf(engine, cell, weights), x, start };
    };

    it(`outputs and states are the f64 layer's to ${BOUND}, over at most 20 steps`, () => {
      const property = fc.property(sizes(1), seeds, ({ nx, na, m, T }, seed) => {
        const { layer, exact, x, start } = open(seed, nx, na, m, T);
        const [state, wanted] = [start(), exact.createState(m)];
        const { h, c } = state.read();
        wanted.write({ h: double(h), ...(c && { c: double(c) }) });
        const { y } = layer.forward(x, state);
        expect(y.data).toBeInstanceOf(Float32Array);
        expect(worst(y.data, exact.forward(double(x), wanted).y.data)).toBeLessThan(BOUND);
        const [end, exactEnd] = [state.read(), wanted.read()];
        expect(worst(end.h.data, exactEnd.h.data)).toBeLessThan(BOUND);
        if (end.c && exactEnd.c) expect(worst(end.c.data, exactEnd.c.data)).toBeLessThan(BOUND);
        for (const made of [state, wanted, layer, exact]) made.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    it("T steps are forward over T, or over k and T − k, bit for bit", () => {
      const property = fc.property(sizes(1), seeds, ({ nx, na, m, T }, seed) => {
        const { layer, exact, x, start } = open(seed, nx, na, m, T);
        const [whole, parts, live] = [start(), start(), start()];
        const { y } = layer.forward(x, whole);
        const k = T >> 1;
        const both = [part(x, 0, k), part(x, k, T)].flatMap((some) => [
          ...layer.forward(some, parts).y.data,
        ]);
        const steps = Array.from({ length: T }, (_, t) => [
          ...layer.step({ shape: [m, nx], data: part(x, t, t + 1).data }, live).data,
        ]);
        expect(firstDifference(both, y.data)).toBeUndefined();
        expect(firstDifference(steps.flat(), y.data)).toBeUndefined();
        for (const state of [parts, live]) {
          const [got, want] = [state.read(), whole.read()];
          expect(firstDifference(got.h.data, want.h.data)).toBeUndefined();
          expect(firstDifference(got.c?.data ?? [], want.c?.data ?? [])).toBeUndefined();
        }
        for (const made of [whole, parts, live, layer, exact]) made.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    it("a row's output does not depend on the batch around it, bit for bit", () => {
      const property = fc.property(sizes(1), seeds, fc.nat(), ({ nx, na, m, T }, seed, n) => {
        const { layer, exact, x } = open(seed, nx, na, m, T);
        const b = n % m;
        const alone = (width: number, data: Float32Array) =>
          data.filter((_, i) => Math.floor(i / width) % m === b);
        const [whole, one] = [
          layer.forward(x),
          layer.forward({ shape: [T, 1, nx], data: alone(nx, x.data) }),
        ];
        expect(firstDifference(one.y.data, alone(na, whole.y.data))).toBeUndefined();
        for (const made of [whole.state, one.state, layer, exact]) made.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    it("inputs of ±1e4 saturate: every output finite and at most 1", () => {
      const { layer, x } = open(3, 4, 9, 5, 6);
      const huge = { ...x, data: x.data.map((value) => 1e4 * value) };
      const { y, state } = layer.forward(huge);
      expect(y.data.every((value) => Math.abs(value) <= 1)).toBe(true);
      for (const made of [state, layer]) made.dispose();
    });

    it.each([
      [0, 3],
      [4, 0],
    ])("T = %i, m = %i: shapes", (T, m) => {
      const { layer, x, start } = open(1, 3, 5, m, T);
      const state = start();
      const { y } = layer.forward(x, state);
      expect(y).toEqual({ shape: [T, m, 5], data: new Float32Array(0) });
      expect(state.read().h.shape).toEqual([1, m, 5]);
      for (const made of [state, layer]) made.dispose();
    });
  });
});
