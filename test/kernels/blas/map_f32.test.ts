import { describe, expect, test } from "vitest";
import { singles, type Twin, Workbench } from "../../support/kernels.js";

// scripts/sweep_f32.mjs visits every float; here stand the places where a change would show first.

type Name = "exp" | "sigmoid" | "tanh";

/** In f64: their error is below 2^−27 of an f32 unit. */
const reference: Record<Name, (x: number) => number> = {
  exp: Math.exp,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/** Places from the correctly rounded value: the sweep's. */
const bounds: readonly [Name, number][] = [
  ["exp", 1],
  ["sigmoid", 2],
  ["tanh", 2],
];

function map(build: Twin, name: Name, x: ArrayLike<number>, shift = 0): Float32Array {
  const bench = new Workbench(build);
  const from = bench.constant("x", x, shift);
  const to = bench.output("y", x.length, 3 - shift);
  build.kernels[`${name}_map`](x.length, from.pointer, to.pointer);
  bench.check();
  return Float32Array.from(to.read());
}

/** Consecutive floats, away from zero, with `x` in the middle. */
function consecutive(x: number, count: number): Float32Array {
  const run = new Float32Array(count).fill(x);
  const bits = new Int32Array(run.buffer);
  const first = Math.max(
    (bits[0] as number) - (count >> 1),
    x < 0 || Object.is(x, -0) ? 1 << 31 : 0,
  );
  return new Float32Array(bits.map((_, i) => first + i).buffer);
}

/** Every 2^12th bit pattern but those of NaN, of one sign, in rising order. */
function spread(sign: 0 | 1): Float32Array {
  const infinity = 0x7f800000;
  const bits = Int32Array.from(
    { length: infinity / 2 ** 12 + 1 },
    (_, i) => (sign << 31) | (i << 12),
  );
  return new Float32Array(bits.buffer);
}

/** Floats in the order of their values, counted by their bits. */
function order(y: Float32Array): Int32Array {
  const bits = new Int32Array(y.buffer, y.byteOffset, y.length);
  return bits.map((each) => (each < 0 ? -(each & 0x7fffffff) : each));
}

function places(y: Float32Array, want: Float32Array): number {
  const [a, b] = [order(y), order(want)];
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    worst = Math.max(worst, Math.abs((a[i] as number) - (b[i] as number)));
  }
  return worst;
}

/** Every x[i] at which f falls although x rises, or the other way round. */
function decreases(x: Float32Array, y: Float32Array): number[] {
  const sign = (x[1] as number) < 0 ? -1 : 1;
  const found: number[] = [];
  for (let i = 1; i < y.length; i++) {
    if (!(sign * (y[i - 1] as number) <= sign * (y[i] as number))) found.push(x[i] as number);
  }
  return found;
}

const cells = (low: number, high: number, width: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, i) => (low + i + 0.5) * width);
const ZERO = [0, -0, 2 ** -126, -(2 ** -126), 2 ** -63, -(2 ** -63), 2 ** -25, -(2 ** -25)];

/** Where a formula hands over to the next, saturates, or meets zero. */
const seams: Record<Name, readonly number[]> = {
  exp: [...cells(-151, 128, Math.LN2), ...ZERO, -104, -103.97208, -87.33655, 88.72284, 89],
  sigmoid: [...cells(-30, 150, -Math.LN2), ...ZERO, -104, -103.97208, -87.33655, 17.32868, 20],
  tanh: [...cells(-47, 46, Math.LN2 / 2), ...ZERO, -16, -9.010913, 9.010913, 16],
};

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const limits: Record<Name, readonly (readonly [x: number, y: number])[]> = {
  exp: [
    [-inf, 0],
    [inf, inf],
    [nan, nan],
    [0, 1],
    [-0, 1],
    [-104, 0],
    [3e38, inf],
    [-103.9720764, 2 ** -149],
    [88.7228394, inf],
    [2 ** -149, 1],
  ],
  sigmoid: [
    [-inf, 0],
    [inf, 1],
    [nan, nan],
    [0, 0.5],
    [-0, 0.5],
    [-104, 0],
    [-3e38, 0],
    [-103.9720764, 2 ** -149],
    [17.4, 1],
    [3e38, 1],
  ],
  tanh: [
    [-inf, -1],
    [inf, 1],
    [nan, nan],
    [0, 0],
    [-0, -0],
    [3e38, 1],
    [-3e38, -1],
    [2 ** -149, 2 ** -149],
    [-(2 ** -149), -(2 ** -149)],
    [1e-40, 1e-40],
    [9.1, 1],
    [-9.1, -1],
  ],
};

describe.each(singles)("$name build", (build) => {
  test.each(bounds)(
    "%s_map: places from the rounded value ≤ %i, never decreasing",
    (name, most) => {
      const runs = [spread(0), spread(1), ...seams[name].map((x) => consecutive(x, 2048))];
      for (const x of runs) {
        const y = map(build, name, x);
        const near = `near ${x[x.length >> 1]}`;
        expect(places(y, Float32Array.from(x, reference[name])), near).toBeLessThanOrEqual(most);
        expect(decreases(x, y), near).toEqual([]);
      }
    },
  );

  test.each(bounds)("%s_map has its limits exactly", (name) => {
    const [x, y] = [0, 1].map((c) => limits[name].map((row) => row[c] as number));
    expect(Array.from(map(build, name, x ?? []))).toEqual(Array.from(Float32Array.from(y ?? [])));
  });

  test.each(bounds)(
    "%s_map gives a value the same bits at each place and length, and in place",
    (name) => {
      const x = [
        0.3,
        -0,
        70,
        1.0986,
        2 ** -149,
        0.1,
        nan,
        3,
        inf,
        -0.7,
        -20,
        -100,
        5,
        1e-9,
        2,
        -3,
        8,
      ];
      const alone = x.map((value) => map(build, name, [value])[0]);
      for (let n = 0; n <= x.length; n++) {
        for (const shift of [0, 1, 2, 3]) {
          const y = map(build, name, x.slice(x.length - n), shift);
          expect(Array.from(y)).toEqual(alone.slice(x.length - n));
        }
        const bench = new Workbench(build);
        const both = bench.input("x and y", x.slice(0, n));
        build.kernels[`${name}_map`](n, both.pointer, both.pointer);
        bench.check();
        expect(Array.from(both.read())).toEqual(alone.slice(0, n));
      }
    },
  );

  test("tanh_map is odd to the bit", () => {
    const x = Float32Array.from({ length: 4096 }, (_, i) => (i / 400) ** 3);
    const y = map(build, "tanh", x);
    expect(
      map(
        build,
        "tanh",
        x.map((value) => -value),
      ),
    ).toEqual(y.map((value) => -value));
  });
});
