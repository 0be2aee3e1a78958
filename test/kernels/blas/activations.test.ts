import { describe, expect, it } from "vitest";
import {
  type Activation,
  type ActivationName,
  FUNCTION_NAMES,
  value,
} from "../../oracle/activations.js";
import { firstDifference, units } from "../../support/compare.js";
import { builds, type Twin, twins, Workbench } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { recordOf } from "../activations.js";
import { tableErrors, tableOf } from "./math_table.js";

// α and β that f32 has too.
const activation = (name: ActivationName, alpha = 0.75, beta = 0.375): Activation => ({
  name,
  alpha,
  beta,
});

function map(
  build: Twin,
  activations: readonly Activation[],
  x: ArrayLike<number>,
  { clip = Infinity, which = 0, shift = 0, inPlace = false } = {},
): Float64Array {
  const bench = new Workbench(build);
  const record = bench.typed("functions", recordOf(clip, activations)).pointer;
  const from = inPlace ? bench.input("x and y", x, shift) : bench.constant("x", x, shift);
  const to = inPlace ? from : bench.output("y", x.length, 1 - shift);
  build.kernels.activation_map(x.length, record, which, from.pointer, to.pointer);
  bench.check();
  return to.read();
}

/** What IEEE's operations alone make of a number: every bit is known. */
const EXACT = [
  "relu",
  "affine",
  "leakyRelu",
  "thresholdedRelu",
  "hardSigmoid",
  "softsign",
  "identity",
] as const;

// Units of the value from JavaScript's functions, whose own error is below 1: [f64, f32]. scaledTanh: the tanh's 2.2 and two
// products, seen at 2.4 and 2.0; elu: of e^x − 1 and a product, 2.7 and 2.0 (3.2 over all floats); softplus: 1.9, and in f32,
// where it goes through f64, 0.
const BOUNDS: readonly [ActivationName, number, number][] = [
  ["sigmoid", 3, 3],
  ["tanh", 3, 3],
  ["scaledTanh", 4, 4],
  ["elu", 4, 4],
  ["softplus", 4, 1],
];

const SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 33];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const signless = (x: Float64Array): Float64Array => x.map((element) => element + 0); // −0 to 0

describe.each(twins)("activation_map, $name build", (build) => {
  const { round } = build.numbers;
  const next = uniform(70);
  const wide = (): number => 8 * next() ** 3;

  it.each(EXACT)("%s: every bit, 0 to 33 numbers and special ones", (name) => {
    for (const n of SIZES) {
      // Corners: α, the ends of the hard sigmoid's slope, 0.
      const corners = Float64Array.of(0.75, 0.625 / 0.75, -0.5, 0, 0.75).subarray(0, n);
      for (const x of [randomArray(wide, n), specialArray(n, n), corners]) {
        const want = x.map((element) => value(activation(name), round(element), round));
        for (const shift of [0, 1]) {
          const got = map(build, [activation(name)], x, { shift });
          expect(firstDifference(signless(got), signless(want)), `n ${n}`).toBeUndefined();
        }
      }
    }
  });

  it.each(BOUNDS)("%s: within %i units in f64, %i in f32", (name, double, single) => {
    const x = Float64Array.from({ length: 20_000 }, () => wide()).map(round);
    x.set(randomArray(next, 2000).map((tiny) => round(tiny ** 9)));
    const want = x.map((element) => value(activation(name), element)).map(round);
    const error = units(map(build, [activation(name)], x), want, want, build.numbers);
    expect(error).toBeLessThanOrEqual(round === Math.fround ? single : double);
  });

  it.each(FUNCTION_NAMES)("%s: the same bits at each place and length, and in place", (name) => {
    const x = [0.3, -0.9, 30, -1.0986, 2 ** -149, -0.1, nan, -30, inf, -inf, 0];
    const alone = x.map((element) => map(build, [activation(name)], [element])[0]);
    for (let n = 0; n <= x.length; n++) {
      for (const inPlace of [false, true]) {
        for (const shift of [0, 1]) {
          const got = map(build, [activation(name)], x.slice(x.length - n), { shift, inPlace });
          expect([...got]).toEqual(alone.slice(x.length - n));
        }
      }
    }
  });

  it.each(FUNCTION_NAMES)("%s: its limits, and NaN stays NaN", (name) => {
    const [low, high] = [-inf, inf].map((x) => value(activation(name), x));
    const got = map(build, [activation(name)], [nan, -inf, inf, 0]);
    expect([...signless(got)]).toEqual([nan, low, high, round(value(activation(name), 0))]);
  });

  it.each(FUNCTION_NAMES)(
    "%s as f and g is that of a number held within ±clip, as h not",
    (name) => {
      const others = FUNCTION_NAMES.filter((other) => other !== name).map((n) => activation(n));
      const x = [...randomArray(wide, 20), 0.7, -0.7, 0.1, nan, inf, -inf].map(round);
      for (const clip of [0.7, 0.1, 3, inf]) {
        const held = x.map((element) => Math.max(-round(clip), Math.min(round(clip), element)));
        for (const which of [0, 1, 2]) {
          const list = [others[0], others[1], others[2]] as Activation[];
          list[which] = activation(name);
          const want = map(build, [activation(name)], which === 2 ? x : held);
          for (const inPlace of [false, true]) {
            const got = map(build, list, x, { clip, which, inPlace });
            expect(firstDifference(got, want), `clip ${clip}, which ${which}`).toBeUndefined();
          }
        }
      }
    },
  );

  it("each function has its own α and β", () => {
    const list = [
      activation("affine", 2, 3),
      activation("affine", 4, 5),
      activation("affine", 6, 7),
    ];
    const got = [0, 1, 2].map((which) => map(build, list, [1], { which })[0]);
    expect(got).toEqual([5, 9, 13]);
  });
});

describe.each(builds)("activation_map, $name build, against mpmath's table", (build) => {
  // Seen over 400,000 values: 2.65 and 2.85 units (docs/numerics.md).
  it.each([
    ["elu", "expm1", 3, 2.8],
    ["softplus", "softplus", 3, 3],
  ] as const)(
    "%s with α = 1 is within ULPs of %s: %i places, %f units",
    (name, table, places, ulp) => {
      const y = map(build, [activation(name, 1)], tableOf(table).x);
      const errors = tableErrors(table, y);
      expect(errors.places).toBeLessThanOrEqual(places);
      expect(errors.units).toBeLessThanOrEqual(ulp);
    },
  );

  it("softplus keeps what is left of e^x far below, and x far above; elu what is left of x near 0", () => {
    expect(map(build, [activation("softplus")], [-745, -700, 800])).toEqual(
      Float64Array.of(Math.exp(-745), Math.exp(-700), 800),
    );
    expect([...map(build, [activation("elu", 1)], [-1e-20, -1e-300])]).toEqual([-1e-20, -1e-300]);
  });

  if (build.name === "debug") {
    it("refuses a kind that does not exist", () => {
      for (const kind of [-1, 12]) {
        const bench = new Workbench(build);
        const record = bench.typed("functions", Float64Array.of(inf, kind, 0, 0)).pointer;
        expect(() => build.kernels.activation_map(0, record, 0, 0, 0)).toThrow(/assertion/);
      }
    });
  }
});
