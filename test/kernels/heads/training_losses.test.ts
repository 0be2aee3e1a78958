import { expect, it } from "vitest";
import { stencil } from "../../oracle/stencil.js";
import {
  binaryCrossEntropy,
  smoothCrossEntropy,
  squaredError,
} from "../../oracle/training_losses.js";
import { openTraining, Workbench } from "../../support/kernels.js";
import { uniform } from "../../support/random.js";

const build = openTraining();
const { kernels } = build;
const SIZES = [1, 2, 3, 4, 5, 33];

const draw = (seed: number, n: number, scale = 3): number[] => {
  const next = uniform(seed);
  return Array.from({ length: n }, () => scale * next());
};
const rowsOf = (x: readonly number[], n: number): number[][] =>
  Array.from({ length: x.length / n }, (_, r) => x.slice(r * n, (r + 1) * n));
const ones = (n: number): number[] => Array<number>(n).fill(1);
const scales = [0.5, 0.25, 1];

/** Expects losses and gradients of rows to be those of `of`, the gradients by four-point differences. */
function compare(
  x: readonly number[],
  n: number,
  got: { loss: Float64Array; dx: Float64Array },
  of: (row: readonly number[], r: number) => number,
): void {
  rowsOf(x, n).forEach((row, r) => {
    const scale = scales[r] as number;
    expect(Math.abs((got.loss[r] as number) - scale * of(row, r))).toBeLessThan(1e-13);
    const at = { shape: [n], data: Float64Array.from(row) };
    const slope = stencil(() => of([...at.data], r), at).data;
    for (let j = 0; j < n; j++) {
      const error = (got.dx[r * n + j] as number) - scale * (slope[j] as number);
      expect(Math.abs(error), `row ${r}, ${j}`).toBeLessThan(1e-10);
    }
  });
}

it.each([0, 0.1, 1])(
  "smooth_cross_entropy_rows: loss to 1e-13, gradient by differences to 1e-10, smoothing %d",
  (smoothing) => {
    for (const n of SIZES) {
      for (const weights of [undefined, draw(7, n).map(Math.abs)]) {
        for (const isInPlace of [false, true]) {
          const x = draw(n, 3 * n);
          const targets = [n - 1, 0, n >> 1];
          const bench = new Workbench(build);
          const logits = bench.input("logits", x);
          const loss = bench.output("loss", 3);
          const dx = isInPlace ? logits : bench.output("dlogits", 3 * n, 1);
          kernels.smooth_cross_entropy_rows(
            3,
            n,
            smoothing,
            logits.pointer,
            bench.integers("targets", targets),
            weights === undefined ? 0 : bench.constant("weights", weights).pointer,
            bench.constant("scales", scales).pointer,
            loss.pointer,
            dx.pointer,
          );
          bench.check();
          compare(x, n, { loss: loss.read(), dx: dx.read() }, (row, r) =>
            smoothCrossEntropy(row, targets[r] as number, smoothing, weights ?? ones(n)),
          );
        }
      }
    }
  },
);

it("smooth_cross_entropy_rows sets an ignored row to exactly 0, even where logits are NaN", () => {
  const bench = new Workbench(build);
  const logits = bench.input("logits", [1, 2, 3, Number.NaN, 1, 2]);
  const loss = bench.output("loss", 2);
  kernels.smooth_cross_entropy_rows(
    2,
    3,
    0.1,
    logits.pointer,
    bench.integers("targets", [2, -1]),
    0,
    bench.constant("scales", [1, 1]).pointer,
    loss.pointer,
    logits.pointer,
  );
  bench.check();
  expect(loss.read()[1]).toBe(0);
  expect([...logits.read()].slice(3)).toEqual([0, 0, 0]);
});

it("squared_error_rows: loss to 1e-13, gradient by differences to 1e-10", () => {
  for (const n of SIZES) {
    const [y, t] = [draw(n, 3 * n), draw(n + 1, 3 * n)];
    const bench = new Workbench(build);
    const outputs = bench.input("outputs", y);
    const loss = bench.output("loss", 3);
    kernels.squared_error_rows(
      3,
      n,
      outputs.pointer,
      bench.constant("targets", t).pointer,
      bench.constant("scales", scales).pointer,
      loss.pointer,
      outputs.pointer,
    );
    bench.check();
    const targets = rowsOf(t, n);
    compare(y, n, { loss: loss.read(), dx: outputs.read() }, (row, r) =>
      squaredError(row, targets[r] as number[]),
    );
  }
});

it("binary_cross_entropy_rows: loss to 1e-13, gradient by differences to 1e-10", () => {
  for (const n of SIZES) {
    for (const positive of [undefined, draw(5, n).map(Math.abs)]) {
      const [x, t] = [draw(n, 3 * n), draw(n + 1, 3 * n, 1).map(Math.abs)];
      const bench = new Workbench(build);
      const logits = bench.input("logits", x);
      const loss = bench.output("loss", 3);
      kernels.binary_cross_entropy_rows(
        3,
        n,
        logits.pointer,
        bench.constant("targets", t).pointer,
        positive === undefined ? 0 : bench.constant("positive", positive).pointer,
        bench.constant("scales", scales).pointer,
        loss.pointer,
        logits.pointer,
      );
      bench.check();
      const targets = rowsOf(t, n);
      compare(x, n, { loss: loss.read(), dx: logits.read() }, (row, r) =>
        binaryCrossEntropy(row, targets[r] as number[], positive ?? ones(n)),
      );
    }
  }
});

it("binary_cross_entropy_rows: far logits overflow nowhere", () => {
  const bench = new Workbench(build);
  const logits = bench.input("logits", [1e4, -1e4, 1e4, -1e4]);
  const loss = bench.output("loss", 1);
  const targets = bench.constant("targets", [1, 0, 0, 1]).pointer;
  const one = bench.constant("scales", [1]).pointer;
  kernels.binary_cross_entropy_rows(
    1,
    4,
    logits.pointer,
    targets,
    0,
    one,
    loss.pointer,
    logits.pointer,
  );
  expect([...loss.read()]).toEqual([2e4]);
  expect([...logits.read()]).toEqual([0, 0, 1, -1]);
});
