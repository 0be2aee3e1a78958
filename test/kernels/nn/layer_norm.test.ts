import { describe, expect, it } from "vitest";
import { stencil } from "../../oracle/stencil.js";
import { layerNorm } from "../../oracle/training_losses.js";
import { trainings, Workbench } from "../../support/kernels.js";
import { uniform } from "../../support/random.js";

const EPSILON = 1e-5;

// Results in f32 are computed in f64 and rounded once; sums over rows are rounded with each row. Seen at 1.2e-7 and 3e-7.
const BOUNDS = { 8: [1e-13, 1e-9], 4: [2.5e-7, 1e-6] } as const;

describe.each(trainings())("$name", (build) => {
  const { kernels } = build;
  const { round, item } = build.numbers;
  const [forward, backward] = BOUNDS[item as 8 | 4];

  it(`layer_norm_forward is the oracle's to ${forward}, backward its four-point difference to ${backward}`, () => {
    for (const n of [1, 2, 3, 5, 8]) {
      for (const rows of [0, 1, 3]) {
        const next = uniform(n);
        const draw = (length: number) => ({
          shape: [length],
          data: new Float64Array(length).map(() => round(2 * next())),
        });
        const [x, gain, bias, dy] = [rows * n, n, n, rows * n].map(draw) as [
          ReturnType<typeof draw>,
          ReturnType<typeof draw>,
          ReturnType<typeof draw>,
          ReturnType<typeof draw>,
        ];
        /** All rows by the oracle. */
        const all = (): number[] =>
          Array.from({ length: rows }, (_, r) => [...x.data.subarray(r * n, (r + 1) * n)]).flatMap(
            (row) => layerNorm(row, [...gain.data], [...bias.data], EPSILON),
          );
        const bench = new Workbench(build);
        const X = bench.constant("x", x.data, 1);
        const [G, B] = [bench.constant("gain", gain.data), bench.constant("bias", bias.data)];
        const y = bench.output("y", rows * n);
        const statistics = bench.doubles("statistics", Array(2 * rows).fill(Number.NaN));
        kernels.layer_norm_forward(
          rows,
          n,
          EPSILON,
          X.pointer,
          G.pointer,
          B.pointer,
          y.pointer,
          statistics.pointer,
        );
        bench.check();
        const want = all();
        y.read().forEach((value, i) => {
          expect(Math.abs(value - (want[i] as number))).toBeLessThan(forward);
        });
        const d = bench.input("dy", dy.data);
        const [dG, dB] = [
          bench.input("dgain", Array(n).fill(1)),
          bench.input("dbias", Array(n).fill(2)),
        ];
        kernels.layer_norm_backward(
          rows,
          n,
          X.pointer,
          G.pointer,
          statistics.pointer,
          d.pointer,
          d.pointer,
          dG.pointer,
          dB.pointer,
        );
        bench.check();
        const loss = (): number =>
          all().reduce((sum, value, i) => sum + value * (dy.data[i] as number), 0);
        for (const [got, at, start] of [
          [d, x, 0],
          [dG, gain, 1],
          [dB, bias, 2],
        ] as const) {
          // A row of one number is constant: only ε keeps the division finite, and a small move is needed.
          const slope = stencil(loss, at, 1e-4).data;
          got.read().forEach((value, i) => {
            expect(Math.abs(value - start - (slope[i] as number))).toBeLessThan(backward);
          });
        }
      }
    }
  });
});
