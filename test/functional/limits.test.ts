import { describe, expect, it } from "vitest";
import { zeros } from "../oracle/tensor.js";
import { at, cells, draw, type State } from "../support/cells.js";
import { expectNear, expectSame } from "../support/compare.js";
import { engines, oracle } from "../support/engines.js";
import type { Tensor } from "../support/subject.js";

const sizes = { nx: 3, na: 5, ny: 4 };
const isZero = ({ data }: Tensor): boolean => data.every((value) => value === 0);

describe.each(engines)("on the $name", (on) => {
  describe.each(cells)("$name", (cell) => {
    const zeroState = (m: number): State => ({
      a: zeros(sizes.na, m),
      ...(cell.hasCellState && { c: zeros(sizes.na, m) }),
    });

    it.each([
      [0, 2],
      [3, 0],
      [0, 0],
    ])(
      "T = %i, m = %i: every shape, loss 0, all gradients 0, but dc0 = dcLast without steps",
      (T, m) => {
        const { x, initial, parameters, da, targets } = draw(cell, { ...sizes, m, T }, 1);
        const { nx, na, ny } = sizes;
        const pass = cell.run(on, x, initial, parameters);
        const { a, c, y } = pass.outputs;
        const shape = [na, m, T];
        expect([a.shape, c?.shape ?? shape, y.shape]).toEqual([shape, shape, [ny, m, T]]);
        const { loss, gradients } = pass.loss(targets);
        expect(loss).toBe(0);
        expect(gradients.da.shape).toEqual(shape);
        const { dx, da0, dc0, ...weights } = pass.backward(da, { dcLast: initial.c ?? initial.a });
        expect([dx.shape, da0.shape]).toEqual([
          [nx, m, T],
          [na, m],
        ]);
        expect(isZero(da0)).toBe(true);
        // Without steps the memory's gradient comes out where it went in.
        if (dc0) expectSame({ dc0 }, { dc0: T === 0 ? (initial.c as Tensor) : zeros(na, m) });
        for (const [name, gradient] of Object.entries({ ...weights, ...gradients })) {
          expect(isZero(gradient), name).toBe(true);
          const operand = parameters[name.slice(1)];
          if (operand) expect(gradient.shape, name).toEqual(operand.shape);
        }
        expect(Object.keys({ ...weights, ...gradients }).sort()).toEqual(
          ["da", ...Object.keys(parameters).map((name) => `d${name}`)].sort(),
        );
        pass.dispose();
      },
    );

    it("all targets ignored: loss 0, every gradient 0", () => {
      const { x, initial, parameters } = draw(cell, { ...sizes, m: 3, T: 4 }, 2);
      const pass = cell.run(on, x, initial, parameters);
      for (const reduction of ["mean", "sum"] as const) {
        const { loss, gradients } = pass.loss(new Int32Array(12).fill(-1), reduction);
        expect(loss).toBe(0);
        for (const [name, gradient] of Object.entries(gradients)) {
          expect(isZero(gradient), name).toBe(true);
        }
      }
      pass.dispose();
    });

    it("an ignored target counts as none: the mean is the sum over the others, to 1e-15", () => {
      const { x, initial, parameters } = draw(cell, { ...sizes, m: 2, T: 2 }, 3);
      const pass = cell.run(on, x, initial, parameters);
      const rows = [
        [0, -1],
        [2, 3],
      ];
      const [mean, sum] = [pass.loss(rows), pass.loss(rows, "sum")];
      expect(Math.abs(3 * mean.loss - sum.loss)).toBeLessThan(1e-15 * sum.loss);
      expectSame(pass.loss(Int32Array.from(rows.flat())).gradients, mean.gradients);
      pass.dispose();
    });

    it("pre-activations up to ±1e4 saturate, finite, as the oracle's to 1e-11", () => {
      // One step from a zero state: over more, an oracle that rounds otherwise lands on another side of a steep gate.
      const drawn = draw(cell, { ...sizes, m: 7, T: 1 }, 4);
      const x = { ...drawn.x, data: drawn.x.data.map((value) => 2e4 * value) };
      const run = (subject: typeof on | typeof oracle) => {
        const pass = cell.run(subject, x, zeroState(7), drawn.parameters);
        const gradients = pass.backward(drawn.da);
        pass.dispose();
        return { ...pass.outputs, ...gradients };
      };
      expectNear(run(on), run(oracle), 1e-11);
    });

    it("logits of ±1e4: a finite loss, as the oracle's to 1e-14, and finite gradients", () => {
      const drawn = draw(cell, { ...sizes, m: 3, T: 4 }, 5);
      const { x, initial, targets } = drawn;
      const { by, ...others } = drawn.parameters;
      const huge = Float64Array.from([1e4, -1e4, 9990, -1e4]);
      const parameters = { ...others, by: { ...(by as Tensor), data: huge } };
      const pass = cell.run(on, x, initial, parameters);
      const { loss, gradients } = pass.loss(targets);
      const want = cell.run(oracle, x, initial, parameters).loss(targets);
      expect(loss).toBeGreaterThan(1000);
      expect(Math.abs(loss - want.loss)).toBeLessThan(1e-14 * want.loss);
      expectNear({ ...gradients }, { ...want.gradients }, 1e-12);
      pass.dispose();
    });
  });
});

/** Powers of two from the largest subnormal number down to the smallest, and their neighbours. */
const TINY = [2 ** -1022, 2 ** -1023, -(2 ** -1030), 3e-310, -7e-320, 5e-324, -5e-324, 2 ** -1060];
const m = TINY.length;
const identity: Tensor = { shape: [2, 2], data: Float64Array.of(1, 0, 0, 1) };
const state: Tensor = { shape: [2, m], data: Float64Array.from([...TINY, ...[...TINY].reverse()]) };
const filled = (value: number, ...shape: number[]): Tensor => {
  const { data } = zeros(...shape);
  return { shape, data: data.fill(value) };
};

describe.each(engines)("subnormal numbers on the $name, 0 bits of difference", (on) => {
  it("an RNN with Waa = 1 carries a subnormal state and its gradient", () => {
    const parameters = {
      Waa: identity,
      Wax: zeros(2, 1),
      ba: zeros(2, 1),
      Wya: zeros(1, 2),
      by: zeros(1, 1),
    };
    const { a, caches } = on.rnnForward(zeros(1, m, 9), state, parameters);
    for (let t = 0; t < 9; t++) expectSame({ a: at(a, t) }, { a: state });
    const da = zeros(2, m, 9);
    for (let r = 0; r < 2 * m; r++) da.data[9 * r + 8] = state.data[r] as number;
    expectSame({ da0: on.rnnBackward(da, caches).da0 }, { da0: state });
  });

  it("an LSTM whose forget and output gates are open does so with its memory", () => {
    const W = zeros(2, 3);
    const [open, shut] = [filled(1e3, 2, 1), filled(-1e3, 2, 1)];
    const parameters = {
      Wf: W,
      bf: open,
      Wi: W,
      bi: shut,
      Wc: W,
      bc: zeros(2, 1),
      Wo: W,
      bo: open,
      Wy: zeros(1, 2),
      by: zeros(1, 1),
    };
    const run = on.lstmForward(zeros(1, m, 9), zeros(2, m), parameters, { c0: state });
    for (let t = 0; t < 9; t++) {
      expectSame({ a: at(run.a, t), c: at(run.c, t) }, { a: state, c: state });
    }
    const { dc0 } = on.lstmBackward(zeros(2, m, 9), run.caches, { dcLast: state });
    expectSame({ dc0 }, { dc0: state });
  });

  it("a GRU whose update gate is shut carries a subnormal state and its gradient", () => {
    const W = zeros(2, 3);
    const [free, shut] = [zeros(2, 1), filled(-1e3, 2, 1)];
    const parameters = {
      Wu: W,
      bu: shut,
      Wr: W,
      br: free,
      Wc: W,
      bc: free,
      bch: free,
      Wy: zeros(1, 2),
      by: zeros(1, 1),
    };
    const { a, caches } = on.gruForward(zeros(1, m, 9), state, parameters);
    for (let t = 0; t < 9; t++) expectSame({ a: at(a, t) }, { a: state });
    const da = zeros(2, m, 9);
    for (let r = 0; r < 2 * m; r++) da.data[9 * r + 8] = state.data[r] as number;
    expectSame({ da0: on.gruBackward(da, caches).da0 }, { da0: state });
  });
});
