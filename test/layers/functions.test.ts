import fc from "fast-check";
import { describe, it } from "vitest";
import { FIXED, seeds, sizes } from "../support/cells.js";
import { expectSame } from "../support/compare.js";
import { engines } from "../support/engines.js";
import {
  cellNames,
  column,
  layerOf,
  randomWeights,
  reversedAxes,
  row,
  torchWeights,
} from "../support/layers.js";
import { randomTensor, uniform } from "../support/random.js";
import type { Tensor } from "../support/subject.js";
import {
  gruParameters,
  gruWeights,
  lstmParameters,
  lstmWeights,
  rnnParameters,
  rnnWeights,
} from "../support/torch.js";

/** da with d added to its last step: (na, m, T), (na, m). */
function withLast(da: Tensor, d: Tensor): Tensor {
  const T = da.shape[2] ?? 0;
  const data = da.data.slice();
  d.data.forEach((value, r) => {
    data[r * T + T - 1] = (data[r * T + T - 1] as number) + value;
  });
  return { ...da, data };
}

describe.each(engines)("a layer on the $name", (on) => {
  it.each(cellNames)("%s: forward and backward are the functions', bit for bit", (cell) => {
    const property = fc.property(sizes(1), seeds, ({ nx, na, m, T }, seed) => {
      const next = uniform(seed);
      const weights = randomWeights(next, cell, nx, na);
      const x = randomTensor(next, nx, m, T);
      const da = randomTensor(next, na, m, T);
      const [a0, c0, dh, dc] = [0, 1, 2, 3].map(() => randomTensor(next, na, m)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];

      const layer = layerOf(on.engine, cell, weights);
      const state = layer.createState(m);
      state.write({ h: row(a0), c: row(c0) });
      const { y, tape } = layer.forward(reversedAxes(x), state, { keepTape: true });
      if (tape === undefined) throw new Error("no tape");
      const back = layer.backward(reversedAxes(da), tape, { h: row(dh), c: row(dc) });
      const end = state.read();
      const got = {
        a: reversedAxes(y),
        aLast: column(end.h),
        dx: reversedAxes(back.dx),
        da0: column(back.dState.h),
        dc0: back.dState.c && column(back.dState.c),
        cLast: end.c && column(end.c),
        ...torchWeights(back.gradients),
      };
      for (const made of [tape, state, layer]) made.dispose();

      const last = (z: Tensor): Tensor => ({
        shape: [na, m],
        data: z.data.filter((_, i) => i % T === T - 1),
      });
      const near = withLast(da, dh);
      if (cell === "rnn") {
        const { a, caches } = on.rnnForward(x, a0, rnnParameters(weights));
        const { dx, da0, ...others } = on.rnnBackward(near, caches);
        caches.dispose?.();
        expectSame(got, { a, aLast: last(a), dx, da0, ...rnnWeights(others) });
      } else if (cell === "gru") {
        const { a, caches } = on.gruForward(x, a0, gruParameters(weights));
        const { dx, da0, ...others } = on.gruBackward(near, caches);
        caches.dispose?.();
        expectSame(got, { a, aLast: last(a), dx, da0, ...gruWeights(others) });
      } else {
        const { a, c, caches } = on.lstmForward(x, a0, lstmParameters(weights), { c0 });
        const { dx, da0, dc0, ...others } = on.lstmBackward(near, caches, {
          dcLast: dc,
        });
        caches.dispose?.();
        expectSame(got, {
          a,
          aLast: last(a),
          cLast: last(c),
          dx,
          da0,
          dc0,
          ...lstmWeights(others),
        });
      }
    });
    fc.assert(property, { ...FIXED, numRuns: 25 });
  });
});
