import { describe, expect, it } from "vitest";
import { layerNorm } from "../../oracle/training_losses.js";
import { firstDifference } from "../../support/compare.js";
import { builds, openTraining, singles, Workbench } from "../../support/kernels.js";
import { uniform } from "../../support/random.js";

const EPSILON = 1e-5;
const FORMS = [
  [true, true],
  [true, false],
  [false, true],
] as const;

/** Seeded operands of a case. */
function draw(n: number, rows: number) {
  const next = uniform(17 * n + rows);
  const numbers = (length: number) => Float64Array.from({ length }, () => Math.fround(2 * next()));
  return { x: numbers(rows * n), below: numbers(rows * n), gain: numbers(n), bias: numbers(n) };
}

describe.each(
  builds.flatMap((build, i) => [
    { ...build, kernels: build.kernels, bound: 1e-13 },
    { ...build, ...singles[i], kernels: build.kernels, bound: 2 ** -22 },
  ]),
)("add_norm_rows, $name build", ({ bound, ...build }) => {
  it(`y = below + norm(x), each part or both, in place or not: the oracle's to ${bound} relative`, () => {
    for (const n of [1, 2, 3, 5, 8, 33]) {
      for (const rows of [0, 1, 3, 4]) {
        for (const [isNormed, isAdded] of FORMS) {
          for (const isInPlace of [true, false]) {
            const { x, below, gain, bias } = draw(n, rows);
            const bench = new Workbench(build);
            const from = isInPlace ? bench.input("x", x, 1) : bench.constant("x", x, 1);
            const to = isInPlace ? from : bench.output("y", rows * n, 1);
            const [g, b] = [bench.typed("gain", gain), bench.typed("bias", bias)];
            build.kernels.add_norm_rows(
              build.numbers.item,
              rows,
              n,
              EPSILON,
              isNormed ? g.pointer : 0,
              b.pointer,
              isAdded ? bench.constant("below", below).pointer : 0,
              from.pointer,
              to.pointer,
            );
            bench.check();
            const want = Array.from({ length: rows }, (_, r) => [
              ...x.subarray(r * n, (r + 1) * n),
            ]).flatMap((row) => (isNormed ? layerNorm(row, [...gain], [...bias], EPSILON) : row));
            to.read().forEach((value, i) => {
              const expected = (want[i] as number) + (isAdded ? (below[i] as number) : 0);
              expect(Math.abs(value - expected)).toBeLessThanOrEqual(
                bound * (1 + Math.abs(expected)),
              );
            });
          }
        }
      }
    }
  });
});

describe.each(builds)("add_norm_rows, $name build", (build) => {
  it("has the bits of the trainer's layer_norm_forward", () => {
    const training = openTraining();
    for (const n of [1, 5, 32]) {
      const { x, gain, bias } = draw(n, 3);
      const results = [training, build].map((each) => {
        const bench = new Workbench(each);
        const [g, b] = [bench.constant("gain", gain), bench.constant("bias", bias)];
        const from = bench.constant("x", x);
        const [y, statistics] = [bench.output("y", 3 * n), bench.output("statistics", 6)];
        const operands = [g.pointer, b.pointer] as const;
        if (each === training) {
          const { layer_norm_forward } = training.kernels;
          layer_norm_forward(
            3,
            n,
            EPSILON,
            from.pointer,
            ...operands,
            y.pointer,
            statistics.pointer,
          );
        } else {
          const { add_norm_rows } = build.kernels;
          add_norm_rows(8, 3, n, EPSILON, ...operands, 0, from.pointer, y.pointer);
        }
        bench.check();
        return y.read();
      }) as [Float64Array, Float64Array];
      expect(firstDifference(...results)).toBeUndefined();
    }
  });

  it("a row's bits do not depend on the others; NaN and ±Infinity stay in their row", () => {
    const n = 6;
    const { x, below, gain, bias } = draw(n, 4);
    x[n + 2] = Number.NaN;
    x[2 * n] = Number.POSITIVE_INFINITY;
    const run = (first: number, rows: number): Float64Array => {
      const bench = new Workbench(build);
      const part = (all: Float64Array) => all.subarray(first * n, (first + rows) * n);
      const [g, b] = [bench.constant("gain", gain), bench.constant("bias", bias)];
      const [at, from] = [bench.constant("below", part(below)), bench.constant("x", part(x))];
      const y = bench.output("y", rows * n);
      const { add_norm_rows } = build.kernels;
      const inputs = [g.pointer, b.pointer, at.pointer, from.pointer] as const;
      add_norm_rows(8, rows, n, EPSILON, ...inputs, y.pointer);
      bench.check();
      return y.read();
    };
    const all = run(0, 4);
    for (let r = 0; r < 4; r++) {
      expect(firstDifference(run(r, 1), all.subarray(r * n, (r + 1) * n))).toBeUndefined();
      const isNumbers = all.subarray(r * n, (r + 1) * n).every(Number.isFinite);
      expect(isNumbers, `row ${r}`).toBe(r === 0 || r === 3);
    }
  });
});
