import { describe, expect, test } from "vitest";
import { crossEntropy, crossEntropyGradient } from "../../oracle/softmax.js";
import { type Build, builds, Workbench } from "../../support/kernels.js";

interface Result {
  loss: number[];
  dlogits: number[];
}

function run(
  build: Build,
  n: number,
  scale: number,
  x: number[],
  t: number[],
  inPlace = false,
): Result {
  const bench = new Workbench(build);
  const logits = bench.input("logits", x);
  const targets = bench.integers("targets", t);
  const loss = bench.output("loss", t.length);
  const dlogits = inPlace ? logits : bench.output("dlogits", x.length);
  build.kernels.cross_entropy_rows(
    t.length,
    n,
    scale,
    logits.pointer,
    targets,
    loss.pointer,
    dlogits.pointer,
  );
  bench.check();
  if (!inPlace) expect(Array.from(logits.read())).toEqual(x);
  return { loss: Array.from(loss.read()), dlogits: Array.from(dlogits.read()) };
}

const noise = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => 8 * Math.sin(i * i + 3));
const rowsOf = (x: number[], n: number): number[][] =>
  Array.from({ length: x.length / n }, (_, r) => x.slice(r * n, (r + 1) * n));

const sizes = [1, 2, 3, 4, 5, 8, 33, 1000];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each(builds)("$name build", (build) => {
  // Two exponentials, a sum and a quotient; the loss is a difference of numbers below 16.
  test("cross_entropy_rows agrees with the oracle to 2e-14 + n·1e-16, every target, rows 0 to 5", () => {
    for (const n of sizes) {
      for (const rows of [0, 1, 2, 5]) {
        const x = noise(rows * n);
        const t = Array.from({ length: rows }, (_, r) => (r === 3 ? -1 : (n - 1 + r * 7) % n));
        const { loss, dlogits } = run(build, n, 0.375, x, t);
        const expected = rowsOf(x, n);
        const bound = 2e-14 + n * 1e-16;
        loss.forEach((value, r) => {
          const e = crossEntropy(expected[r] as number[], t[r] as number);
          expect(Math.abs(value - e)).toBeLessThanOrEqual(bound);
        });
        const gradient = expected.flatMap((row, r) => crossEntropyGradient(row, t[r] as number));
        dlogits.forEach((value, i) => {
          expect(Math.abs(value - 0.375 * (gradient[i] as number))).toBeLessThanOrEqual(bound);
        });
      }
    }
  });

  test("cross_entropy_rows: the gradient is the four-point difference of the loss, relative error < 1e-8", () => {
    const x = noise(5);
    const at = (j: number, d: number): number =>
      run(
        build,
        5,
        1,
        x.map((value, i) => value + (i === j ? d : 0)),
        [2],
      ).loss[0] as number;
    const { dlogits } = run(build, 5, 1, x, [2]);
    const h = 1e-3;
    const difference = x.map(
      (_, j) => (8 * (at(j, h / 2) - at(j, -h / 2)) - (at(j, h) - at(j, -h))) / (6 * h),
    );
    const norm = (v: number[]): number => Math.hypot(...v);
    expect(norm(difference.map((d, j) => d - (dlogits[j] as number)))).toBeLessThan(
      1e-8 * norm(dlogits),
    );
  });

  test("cross_entropy_rows sets loss and gradient of an ignored row to exactly 0, even where logits are NaN", () => {
    for (const n of sizes) {
      const x = [...noise(n), ...new Array<number>(n).fill(nan), ...noise(n)];
      const { loss, dlogits } = run(build, n, 2, x, [0, -1, n - 1]);
      expect(loss[1]).toBe(0);
      expect(dlogits.slice(n, 2 * n)).toEqual(new Array(n).fill(0));
      expect(loss.slice(0, 1)).toEqual(run(build, n, 2, noise(n), [0]).loss);
      expect(dlogits.slice(2 * n)).toEqual(run(build, n, 2, noise(n), [n - 1]).dlogits);
    }
  });

  test("cross_entropy_rows gives the same bits in place", () => {
    for (const n of sizes) {
      const t = [n - 1, -1, 0, n >> 1];
      expect(run(build, n, 0.5, noise(4 * n), t, true)).toEqual(
        run(build, n, 0.5, noise(4 * n), t),
      );
    }
  });

  test("cross_entropy_rows: loss and gradient of one class are 0", () => {
    expect(run(build, 1, 1, [-1e4, 3], [0, 0])).toEqual({ loss: [0, 0], dlogits: [0, 0] });
  });

  test("cross_entropy_rows: logits of ±1e4 and the limits have their defined outcomes", () => {
    const far = run(build, 3, 2, [-1e4, 1e4, 0, -1e4, 1e4, 0], [1, 0]);
    expect(far).toEqual({ loss: [0, 2e4], dlogits: [0, 0, 0, -2, 2, 0] });
    expect(run(build, 2, 1, [-inf, 3], [0])).toEqual({ loss: [inf], dlogits: [-1, 1] });
    for (const x of [
      [nan, 1, 2],
      [-inf, -inf, -inf],
      [0, inf, 0],
    ]) {
      expect(run(build, 3, 1, x, [2])).toEqual({ loss: [nan], dlogits: [nan, nan, nan] });
    }
  });
});
