import { describe, expect, test } from "vitest";
import { crossEntropy } from "../../oracle/softmax.js";
import { type Build, builds, Workbench } from "../../support/kernels.js";

function run(build: Build, n: number, x: number[], t: number[]): number[] {
  const bench = new Workbench(build);
  const logits = bench.constant("logits", x);
  const targets = bench.integers("targets", t);
  const logProb = bench.output("logProb", t.length);
  build.kernels.score_rows(t.length, n, logits.pointer, targets, logProb.pointer);
  bench.check();
  return Array.from(logProb.read());
}

/** What `log_softmax_rows` has at the targets. */
function picked(build: Build, n: number, x: number[], t: number[]): number[] {
  const bench = new Workbench(build);
  const [from, to] = [bench.constant("x", x), bench.output("y", x.length)];
  build.kernels.log_softmax_rows(t.length, n, from.pointer, to.pointer);
  const y = to.read();
  return t.map((target, r) => (target < 0 ? 0 : (y[r * n + target] as number)));
}

const noise = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => 8 * Math.sin(i * i + 3));
const sizes = [1, 2, 3, 4, 5, 8, 33, 1000];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each(builds)("$name build", (build) => {
  // An exponential, a sum, a logarithm of numbers below 16 · n.
  test("score_rows agrees with the oracle to 2e-14 + n·1e-16, every bit as log_softmax_rows", () => {
    for (const n of sizes) {
      for (const rows of [0, 1, 2, 5]) {
        const x = noise(rows * n);
        const t = Array.from({ length: rows }, (_, r) => (r === 3 ? -1 : (n - 1 + r * 7) % n));
        const scores = run(build, n, x, t);
        scores.forEach((value, r) => {
          const want = -crossEntropy(x.slice(r * n, (r + 1) * n), t[r] as number);
          expect(Math.abs(value - want)).toBeLessThanOrEqual(2e-14 + n * 1e-16);
        });
        expect(scores).toEqual(picked(build, n, x, t));
      }
    }
  });

  test("score_rows at every target of rows with NaN, ±Infinity and ±1e4: as log_softmax_rows", () => {
    const rows = [
      [nan, 1, 2],
      [inf, 0, 1],
      [-inf, 3, 3],
      [-inf, -inf, -inf],
      [1e4, -1e4, 0],
    ];
    for (const target of [0, 1, 2]) {
      const t = rows.map(() => target);
      expect(run(build, 3, rows.flat(), t)).toEqual(picked(build, 3, rows.flat(), t));
    }
    expect(run(build, 3, [nan, inf, 0], [-1])).toEqual([0]);
    expect(run(build, 3, [-inf, 3, 3], [0])).toEqual([-inf]);
  });

  if (build.name === "debug") {
    test("score_rows refuses a class that does not exist", () => {
      for (const target of [-2, 3]) {
        expect(() => run(build, 3, [1, 2, 3], [target])).toThrow(/assertion/);
      }
    });
  }
});
