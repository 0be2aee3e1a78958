import { describe, expect, test } from "vitest";
import { logSoftmax, logSumExp, softmax } from "../../oracle/softmax.js";
import { type Build, builds, Workbench } from "../../support/kernels.js";

type Name = "softmax_rows" | "log_softmax_rows" | "log_sum_exp_rows";
const names: readonly Name[] = ["softmax_rows", "log_softmax_rows", "log_sum_exp_rows"];
const oracle: Record<Name, (row: readonly number[]) => number[]> = {
  softmax_rows: softmax,
  log_softmax_rows: logSoftmax,
  log_sum_exp_rows: (row) => [logSumExp(row)],
};

function run(build: Build, name: Name, rows: number, n: number, x: readonly number[]): number[] {
  const bench = new Workbench(build);
  const from = bench.input("x", x);
  const to = bench.output("y", name === "log_sum_exp_rows" ? rows : rows * n);
  build.kernels[name](rows, n, from.pointer, to.pointer);
  bench.check();
  expect(Array.from(from.read())).toEqual(x);
  return Array.from(to.read());
}

/** Logits between −8 and 8, the same at each run. */
const logits = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => 8 * Math.sin(i * i + 3));

const rowsOf = (x: readonly number[], n: number): number[][] =>
  Array.from({ length: x.length / n }, (_, r) => x.slice(r * n, (r + 1) * n));

const sizes = [1, 2, 3, 4, 5, 8, 9, 33, 1000];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each(builds)("$name build", (build) => {
  // exp is within 1 ULP on both sides, a sum of n terms within n/2: far above what is seen, far below a wrong formula.
  test.each(names)("%s agrees with the oracle to 1e-14 + n·1e-16, rows 0, 1 and 3", (name) => {
    for (const n of sizes) {
      for (const rows of [0, 1, 3]) {
        const x = logits(rows * n);
        const y = run(build, name, rows, n, x);
        const expected = rowsOf(x, n).flatMap(oracle[name]);
        const error = y.map((value, i) => {
          const e = expected[i] as number;
          return Math.abs(value - e) / Math.max(Math.abs(e), name === "softmax_rows" ? 0 : 1);
        });
        expect(y.length).toBe(expected.length);
        for (const e of error) expect(e).toBeLessThanOrEqual(1e-14 + n * 1e-16);
      }
    }
  });

  test("softmax_rows sums to 1 within n·2e-16", () => {
    for (const n of sizes) {
      const sum = run(build, "softmax_rows", 1, n, logits(n)).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - 1)).toBeLessThanOrEqual(n * 2e-16);
    }
  });

  test.each(names)("%s gives a row the same bits whatever its batch mates", (name) => {
    for (const n of sizes) {
      const x = logits(5 * n);
      expect(run(build, name, 5, n, x)).toEqual(
        rowsOf(x, n).flatMap((row) => run(build, name, 1, n, row)),
      );
    }
  });

  test.each(names.slice(0, 2))("%s gives the same bits in place", (name) => {
    for (const n of sizes) {
      const x = logits(3 * n);
      const bench = new Workbench(build);
      const both = bench.input("x and y", x);
      build.kernels[name](3, n, both.pointer, both.pointer);
      bench.check();
      expect(Array.from(both.read())).toEqual(run(build, name, 3, n, x));
    }
  });

  test("logits of ±1e4 and the limits have their defined outcomes, at odd and even n", () => {
    const cases: [x: number[], p: number[], log: number[], lse: number][] = [
      [[-1e4, 1e4, 0], [0, 1, 0], [-2e4, 0, -1e4], 1e4],
      [[-1e4, 0], [0, 1], [-1e4, 0], 0],
      [[-1e4], [1], [0], -1e4],
      [[1e308, -1e308], [1, 0], [0, -inf], 1e308],
      [[-inf, 3], [0, 1], [-inf, 0], 3],
      [[3, -inf, -inf], [1, 0, 0], [0, -inf, -inf], 3],
      [[-inf], [nan], [nan], -inf],
      [[-inf, -inf, -inf], [nan, nan, nan], [nan, nan, nan], -inf],
      [[-inf, -inf], [nan, nan], [nan, nan], -inf],
      [[inf], [nan], [nan], inf],
      [[0, inf, -inf], [nan, nan, nan], [nan, nan, nan], inf],
      [[nan], [nan], [nan], nan],
      [[nan, 1], [nan, nan], [nan, nan], nan],
      [[1, 2, nan], [nan, nan, nan], [nan, nan, nan], nan],
      [[1, nan, inf], [nan, nan, nan], [nan, nan, nan], nan],
      [[nan, -inf], [nan, nan], [nan, nan], nan],
    ];
    for (const [x, p, log, lse] of cases) {
      // A healthy row on either side: neither is touched by the one between.
      const n = x.length;
      const all = [...logits(n), ...x, ...logits(n)];
      const middle = (name: Name, width: number): number[] => {
        const y = run(build, name, 3, n, all);
        const healthy = run(build, name, 1, n, logits(n));
        expect(y.slice(0, width)).toEqual(healthy);
        expect(y.slice(2 * width)).toEqual(healthy);
        return y.slice(width, 2 * width);
      };
      expect(middle("softmax_rows", n)).toEqual(p);
      expect(middle("log_softmax_rows", n)).toEqual(log);
      expect(middle("log_sum_exp_rows", 1)).toEqual([lse]);
    }
  });
});
