import { describe, expect, test } from "vitest";
import { type Build, builds, Workbench } from "../../support/kernels.js";
import { next, tableErrors, tableOf } from "./math_table.js";

type Name = "exp" | "log" | "sigmoid" | "tanh";

function map(build: Build, name: Name, x: ArrayLike<number>, shift = 0): Float64Array {
  const bench = new Workbench(build);
  const from = bench.input("x", x, shift);
  const to = bench.output("y", x.length);
  build.kernels[`${name}_map`](x.length, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

/** `count` consecutive doubles of one sign; `x` stands in the middle. */
function consecutive(x: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => next(x, i - (count >> 1)));
}

/** Seeded, so that a failure can be seen again. */
function uniform(seed: number): (low: number, high: number) => number {
  let state = seed;
  return (low, high) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + ((high - low) * state) / 2 ** 32;
  };
}

const names: readonly Name[] = ["exp", "log", "sigmoid", "tanh"];

// [function, places from the correctly rounded value, units in the last place from the exact value]: measured bounds.
const bounds: readonly [Name, number, number][] = [
  ["exp", 1, 1.05],
  ["log", 1, 0.9],
  ["sigmoid", 2, 2.5],
  ["tanh", 2, 2.2],
];

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const limits: Record<Name, readonly [x: number, y: number][]> = {
  exp: [
    [-inf, 0],
    [inf, inf],
    [nan, nan],
    [0, 1],
    [-0, 1],
    [709.782712893384, 1.7976931348622732e308],
    [709.7827128933841, inf],
    [1e308, inf],
    [-745.1332191019411, 5e-324],
    [-745.1332191019412, 0],
    [-1e308, 0],
    [5e-324, 1],
    [-5e-324, 1],
  ],
  log: [
    [-inf, nan],
    [inf, inf],
    [nan, nan],
    [0, -inf],
    [-0, -inf],
    [1, 0],
    [-5e-324, nan],
    [-1, nan],
    [5e-324, -744.4400719213812],
    [1.7976931348623157e308, 709.782712893384],
  ],
  sigmoid: [
    [-inf, 0],
    [inf, 1],
    [nan, nan],
    [0, 0.5],
    [-0, 0.5],
    [37, 0.9999999999999999],
    [40, 1],
    [-745.1332191019411, 5e-324],
    [-745.1332191019412, 0],
    [-1e308, 0],
    [1e308, 1],
  ],
  tanh: [
    [-inf, -1],
    [inf, 1],
    [nan, nan],
    [0, 0],
    [-0, -0],
    [5e-324, 5e-324],
    [-5e-324, -5e-324],
    [1e-310, 1e-310],
    [20, 1],
    [-20, -1],
    [1e308, 1],
    [-1e308, -1],
  ],
};

const LN2 = Math.LN2;
const cells = (low: number, high: number, width: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, i) => (low + i + 0.5) * width);
/** Where a formula hands over to the next: the ends of the cells of the reduction. */
const seams: Record<Name, readonly number[]> = {
  exp: cells(-1075, 1023, LN2),
  log: cells(-1068, 1023, 1).map((k) => 2 ** k),
  sigmoid: cells(-1075, 55, LN2),
  tanh: cells(-56, 55, LN2 / 2),
};
/** Ranges from which runs of consecutive doubles are drawn. */
const ranges: Record<Name, readonly [low: number, high: number][]> = {
  exp: [
    [-745, 709],
    [-1, 1],
    [-0.7, -0.3],
    [0.3, 0.7],
    [-1e-3, 1e-3],
  ],
  log: [
    [0.5, 2],
    [0.7, 0.72],
    [1.4, 1.42],
    [0.99, 1.01],
    [2, 1e3],
    [1e-310, 1e-307],
  ],
  sigmoid: [
    [-2.8, -0.69],
    [-1.15, -1.05],
    [1.05, 1.15],
    [-1, 1],
    [-40, -2],
    [1, 38],
    [-745, -700],
  ],
  tanh: [
    [-0.55, 0.55],
    [-19, 19],
    [0.15, 0.2],
    [-1e-3, 1e-3],
    [17, 20],
  ],
};

function decreases(build: Build, name: Name, x: Float64Array): number[] {
  const y = map(build, name, x);
  const down = (x[0] as number) < 0; // the run moves away from zero
  return Array.from(x).filter((_, i) => {
    const [a, b] = [y[i - 1] as number, y[i] as number];
    return i > 0 && !(down ? a >= b : a <= b);
  });
}

describe.each(builds)("$name build", (build) => {
  test.each(bounds)(
    "%s_map is within %i ULP of the rounded value, %f ULP of the exact one",
    (name, places, units) => {
      const errors = tableErrors(name, map(build, name, tableOf(name).x));
      expect(errors.places).toBeLessThanOrEqual(places);
      expect(errors.units).toBeLessThanOrEqual(units);
    },
  );

  test.each(names)("%s_map has its limits exactly", (name) => {
    const y = map(
      build,
      name,
      limits[name].map(([x]) => x),
    );
    expect(Array.from(y)).toEqual(limits[name].map(([, value]) => value));
  });

  test.each(names)("%s_map never decreases at a seam (64 consecutive doubles at each)", (name) => {
    expect(seams[name].flatMap((x) => decreases(build, name, consecutive(x, 64)))).toEqual([]);
  });

  test.each(names)("%s_map never decreases along 10^6 pairs of consecutive doubles", (name) => {
    const draw = uniform(7);
    for (let run = 0; run < 500; run++) {
      const [low, high] = ranges[name][run % ranges[name].length] as [number, number];
      expect(decreases(build, name, consecutive(draw(low, high), 2001))).toEqual([]);
    }
  });

  test.each(names)(
    "%s_map gives a value the same bits at each place and length, and in place",
    (name) => {
      const x = [0.3, -0, 700, 1.0986, 5e-324, 0.1, nan, 3, inf].map((v) =>
        name === "log" ? v + 1e-9 : v,
      );
      const alone = x.map((value) => map(build, name, [value])[0]);
      for (let n = 0; n <= x.length; n++) {
        for (const shift of [0, 1]) {
          expect(Array.from(map(build, name, x.slice(0, n), shift))).toEqual(alone.slice(0, n));
        }
        const bench = new Workbench(build);
        const both = bench.input("x and y", x.slice(x.length - n));
        build.kernels[`${name}_map`](n, both.pointer, both.pointer);
        bench.check();
        expect(Array.from(both.read())).toEqual(alone.slice(x.length - n));
      }
    },
  );
});
