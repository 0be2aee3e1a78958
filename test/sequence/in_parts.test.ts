import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gruCell } from "../../src/cells/gru.js";
import { lstmCell } from "../../src/cells/lstm.js";
import { rnnCell } from "../../src/cells/rnn.js";
import type { Recurrent, RecurrentState } from "../../src/index.js";
import { chunkRows } from "../../src/sequence/forward_plan.js";
import { coreOf } from "../../src/wasm/engine.js";
import { float64 } from "../../src/wasm/kernel_sets.js";
import { FIXED, seeds, sizes } from "../support/cells.js";
import { expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import { cellNames, layerOf, randomWeights, row } from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";

const CELLS = { rnn: rnnCell, lstm: lstmCell, gru: gruCell };

/** Steps `from` … `to − 1` of (T, m, n). */
const some = ({ shape: [, m = 0, n = 0], data }: Tensor, from: number, to: number): Tensor => ({
  shape: [to - from, m, n],
  data: data.subarray(from * m * n, to * m * n),
});

/** Rows `picks` of (T, m, n). */
function rows({ shape: [T = 0, m = 0, n = 0], data }: Tensor, picks: readonly number[]): Tensor {
  const out = new Float64Array(T * picks.length * n);
  for (let t = 0; t < T; t++) {
    picks.forEach((b, i) => {
      const from = (t * m + b) * n;
      out.set(data.subarray(from, from + n), (t * picks.length + i) * n);
    });
  }
  return { shape: [T, picks.length, n], data: out };
}

/** The hidden states of a live stream, step by step. */
function live(layer: Recurrent, x: Tensor, state: RecurrentState, na: number): Tensor {
  const [T = 0, m = 0, nx = 0] = x.shape;
  const data = new Float64Array(T * m * na);
  for (let t = 0; t < T; t++) {
    const output = layer.step({ shape: [m, nx], data: some(x, t, t + 1).data }, state);
    data.set(output.data, t * m * na);
  }
  return { shape: [T, m, na], data };
}

describe.each(engines)("a layer on the $name", ({ engine }) => {
  describe.each(cellNames)("%s", (cell) => {
    const open = (seed: number, nx: number, na: number, m: number, T: number) => {
      const next = uniform(seed);
      const layer = layerOf(engine, cell, randomWeights(next, cell, nx, na));
      const x = randomTensor(next, T, m, nx);
      const [h, c] = [randomTensor(next, na, m), randomTensor(next, na, m)];
      const start = (): RecurrentState => {
        const state = layer.createState(m);
        state.write({ h: row(h), c: row(c) });
        return state;
      };
      return { layer, x, start };
    };

    it("T steps are forward over T, or over k and T − k, with or without a tape, bit for bit", () => {
      const property = fc.property(sizes(1), seeds, ({ nx, na, m, T }, seed) => {
        const { layer, x, start } = open(seed, nx, na, m, T);
        const [stepped, whole, taped, parts] = [start(), start(), start(), start()];
        const y = live(layer, x, stepped, na);
        expectSame({ y: layer.forward(x, whole).y }, { y });
        const { tape, ...kept } = layer.forward(x, taped, { keepTape: true });
        expectSame({ y: kept.y }, { y });
        const k = T >> 1;
        expectSame({ y: layer.forward(some(x, 0, k), parts).y }, { y: some(y, 0, k) });
        expectSame({ y: layer.forward(some(x, k, T), parts).y }, { y: some(y, k, T) });
        for (const state of [whole, taped, parts]) {
          expectSame({ ...state.read() }, { ...stepped.read() });
          state.dispose();
        }
        for (const made of [tape, stepped, layer]) made?.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    // [nx, na, m]: many rows, one row, and rows of which one step is more than a chunk.
    it.each([
      [16, 64, 8],
      [100, 150, 1],
      [10, 70, 120],
    ])("around the ends of chunks, nx = %i, na = %i, m = %i, bit for bit", (nx, na, m) => {
      const most = 200;
      const sizes = { nx, na, nh: na };
      const chunk = Math.floor(
        chunkRows({ cell: CELLS[cell], dtype: float64(coreOf(engine)), ...sizes }, m, most * m) / m,
      );
      expect(chunk).toBeLessThan(most / 2);
      const { layer, x, start } = open(chunk, nx, na, m, 2 * chunk + 1);
      const stepped = start();
      const y = live(layer, x, stepped, na);
      const ends = [chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1];
      for (const T of ends) {
        const state = start();
        expectSame({ y: layer.forward(some(x, 0, T), state).y }, { y: some(y, 0, T) });
        if (T > 0) expectSame({ h: state.read().h }, { h: some(y, T - 1, T) });
        if (T === 2 * chunk + 1) expectSame({ ...state.read() }, { ...stepped.read() });
        state.dispose();
      }
      stepped.dispose();
      layer.dispose();
    });

    it("a row's output depends neither on its place nor on the batch around it, bit for bit", () => {
      const places = fc.array(fc.nat(), { minLength: 1, maxLength: 23 });
      const property = fc.property(sizes(1), seeds, places, ({ nx, na, m, T }, seed, numbers) => {
        const { layer, x } = open(seed, nx, na, m, T);
        const picks = numbers.map((number) => number % m);
        const [whole, part] = [layer.forward(x), layer.forward(rows(x, picks))];
        expectSame({ y: part.y }, { y: rows(whole.y, picks) });
        expectSame({ h: part.state.read().h }, { h: rows(whole.state.read().h, picks) });
        for (const made of [whole.state, part.state, layer]) made.dispose();
      });
      fc.assert(property, { ...FIXED, numRuns: 25 });
    });

    it.each([
      [0, 3],
      [4, 0],
      [0, 0],
    ])("T = %i, m = %i: shapes, gradients of 0, and dState as it came in without steps", (T, m) => {
      const [nx, na] = [3, 5];
      const { layer, x, start } = open(1, nx, na, m, T);
      const state = start();
      const before = state.read();
      const { y, tape } = layer.forward(x, state, { keepTape: true });
      expect(y).toEqual({ shape: [T, m, na], data: new Float64Array(0) });
      expectSame({ y: layer.forward(x, state).y }, { y });
      expectSame({ ...state.read() }, { ...before });
      if (tape === undefined) throw new Error("no tape");
      const { dx, dState, gradients } = layer.backward(y, tape, before);
      expect(dx.shape).toEqual([T, m, nx]);
      if (T === 0) expectSame({ ...dState }, { ...before });
      for (const { data } of Object.values<Tensor>({ ...gradients }))
        expect(data.every((d) => d === 0)).toBe(true);
      for (const made of [tape, state, layer]) made.dispose();
    });
  });
});
