import { describe, expect, it } from "vitest";
import { firstDifference } from "../../support/compare.js";
import { builds, openSingleTraining, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";

describe.each(builds)("promote, $name build: every bit", (build) => {
  const next = uniform(51);

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 33, 100])("n = %i", (n) => {
    for (const x of [randomArray(next, n), specialArray(n, n)]) {
      const single = Float32Array.from(x);
      for (const shift of [0, 1]) {
        const bench = new Workbench(build);
        const from = bench.typed("x", single).pointer;
        const to = bench.output("y", n, shift);
        build.kernels.promote(n, from, to.pointer);
        bench.check();
        expect(firstDifference(to.read(), single), `shift ${shift}`).toBeUndefined();
      }
    }
  });
});

const single = openSingleTraining();

describe("demote and promote of training in f32: every bit", () => {
  const next = uniform(52);

  it.each([0, 1, 2, 3, 4, 5, 8, 9, 33, 100])("n = %i", (n) => {
    for (const x of [randomArray(next, n), specialArray(n, n)]) {
      const bench = new Workbench(single);
      const from = bench.typed("x", x).pointer;
      const [half, back] = [bench.output("y", n, 1), bench.doubles("x again", Array(n))];
      single.kernels.demote(n, from, half.pointer);
      single.kernels.promote(n, half.pointer, back.pointer);
      bench.check();
      const want = Float32Array.from(x);
      expect(firstDifference(half.read(), want)).toBeUndefined();
      expect(firstDifference(back.read(), want)).toBeUndefined();
    }
  });
});
