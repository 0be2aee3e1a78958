import { describe, expect, it } from "vitest";
import {
  type StandardGruStep as GruStep,
  gruGatesBackward,
  gruGatesForward,
} from "../../oracle/cells.js";
import { expectSameBits, units } from "../../support/compare.js";
import {
  builds,
  type TrainingTwin,
  type Twin,
  trainingTwins,
  twins,
  Workbench,
} from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { functionsOf, plainOf } from "../activations.js";

// A vector holds 2 units, in f32 4: below, at, just above and many times that; odd ones leave a unit alone in every block.
const UNITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 33];
const BATCHES = [0, 1, 2, 3, 7];

const makeStep = (draw: () => number, m: number, na: number): GruStep => ({
  m,
  na,
  gates: randomArray(draw, m * 4 * na),
  hPrev: randomArray(draw, m * na),
});

/** `inPlace` writes h over hPrev. */
function forward(build: Twin, { m, na, gates, hPrev }: GruStep, shift = 0, inPlace = false) {
  const bench = new Workbench(build);
  const before = inPlace
    ? bench.input("hPrev and h", hPrev, shift)
    : bench.constant("hPrev", hPrev, shift);
  const rows = bench.input("gates", gates, 1 - shift);
  const h = inPlace ? before : bench.output("h", m * na, 1 - shift);
  build.kernels.gru_gates_forward(m, na, before.pointer, rows.pointer, h.pointer);
  bench.check();
  return { gates: rows.read(), h: h.read() };
}

type Reaching = { readonly [name in "dy" | "dh"]: Float64Array };

function backward(
  build: TrainingTwin,
  { m, na, gates, hPrev }: GruStep,
  { dy, dh }: Reaching,
  shift = 0,
) {
  const bench = new Workbench(build);
  const before = bench.constant("hPrev", hPrev, shift).pointer;
  const rows = bench.constant("gates", gates, 1 - shift).pointer;
  const outside = bench.constant("dy", dy, shift).pointer;
  const next = bench.input("dh", dh, 1 - shift);
  const dz = bench.output("dz", m * 4 * na, shift);
  build.kernels.gru_gates_backward(m, na, before, rows, outside, next.pointer, dz.pointer);
  bench.check();
  return { dz: dz.read(), dh: next.read() };
}

describe.each(twins)("gru_gates_forward, $name build", (build) => {
  const own = functionsOf(build);
  const next = uniform(60);
  const wide = (): number => 8 * next() ** 3;

  it.each(UNITS)("na = %i: every bit as the plain loop around the kernels' functions", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const step = makeStep(wide, m, na);
        expectSameBits(forward(build, step, shift), gruGatesForward(step, own), `m ${m}`);
      }
    }
  });

  // Positive numbers, so that n + r·q and (1 − z)·n + z·hPrev do not cancel; 1 − z does, and loses z / (1 − z) times the units
  // of z, whose argument is at most 2. Seen at 2.6 for h and 1.6 for the gates.
  it("within 6 units of a plain loop with Math.exp and Math.tanh, gates within 4", () => {
    for (const na of UNITS) {
      const step = makeStep(() => 2 * Math.abs(next()), 3, na);
      const [got, want] = [forward(build, step), gruGatesForward(step, plainOf(build))];
      expect(units(got.gates, want.gates, want.gates, build.numbers)).toBeLessThanOrEqual(4);
      expect(units(got.h, want.h, want.h, build.numbers)).toBeLessThanOrEqual(6);
    }
  });

  it("gives the same bits where h is hPrev itself", () => {
    for (const na of UNITS) {
      const step = makeStep(wide, 3, na);
      expectSameBits(forward(build, step, 0, true), forward(build, step), `na ${na}`);
    }
  });

  it("gates that are saturated are exactly 0, 1 and ±1: they keep and set the state", () => {
    const inf = Number.POSITIVE_INFINITY;
    const [n, r, z, q] = [
      [0.25, 1e3, 0.5],
      [-inf, inf, -1e3],
      [inf, -1e3, -inf],
      [7, 1e3, 8],
    ];
    const gates = Float64Array.from([n, r, z, q].flatMap((block) => block ?? []));
    const made = forward(build, { m: 1, na: 3, gates, hPrev: Float64Array.of(0.5, 7, 7) });
    const candidates = [0.25, inf, 0.5].map(own.tanh);
    expect([...made.gates]).toEqual([...candidates, 0, 1, 0, 1, 0, 0, 7, 1e3, 8]);
    expect([...made.h]).toEqual([0.5, 1, own.tanh(0.5)]);
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them", () => {
    for (let seed = 0; seed < 40; seed++) {
      const [m, na] = [2, 5];
      const [gates, hPrev] = [specialArray(seed, m * 4 * na), specialArray(seed + 100, m * na)];
      const step = { m, na, gates, hPrev };
      expectSameBits(forward(build, step), gruGatesForward(step, own), `seed ${seed}`);
    }
  });
});

describe.each(trainingTwins)("gru_gates_backward, $name build", (build) => {
  const next = uniform(61);

  it.each(UNITS)("na = %i: every bit as the plain loop", (na) => {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const step = makeStep(next, m, na);
        const reaching = { dy: randomArray(next, m * na), dh: randomArray(next, m * na) };
        const want = gruGatesBackward(step, reaching, build.numbers.round);
        expectSameBits(backward(build, step, reaching, shift), want, `m ${m}`);
      }
    }
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them", () => {
    for (let seed = 0; seed < 40; seed++) {
      const [m, na] = [2, 5];
      const special = (more: number, n: number) => specialArray(seed + 100 * more, n);
      const step = { m, na, gates: special(0, m * 4 * na), hPrev: special(1, m * na) };
      const reaching = { dy: special(2, m * na), dh: special(3, m * na) };
      const want = gruGatesBackward(step, reaching, build.numbers.round);
      expectSameBits(backward(build, step, reaching), want, `seed ${seed}`);
    }
  });
});

describe.each(builds)("the two of the GRU, $name build", (build) => {
  // The four-point stencil with h = 2e-3: its own error is below 1e-12, and the largest gradients are about 1.
  it("the one is the derivative of the other: differences of Σ h·d, error < 1e-9", () => {
    const [m, na, h] = [2, 5, 2e-3];
    const next = uniform(62);
    const step = makeStep(next, m, na);
    const reaching = { dy: randomArray(next, m * na), dh: randomArray(next, m * na) };
    const loss = (given: GruStep): number =>
      forward(build, given).h.reduce(
        (sum, value, i) => sum + value * ((reaching.dy[i] ?? 0) + (reaching.dh[i] ?? 0)),
        0,
      );
    const slopes = (name: "gates" | "hPrev"): Float64Array =>
      step[name].map((value, i) => {
        const at = (by: number): number => {
          const moved = step[name].slice();
          moved[i] = value + by;
          return loss({ ...step, [name]: moved });
        };
        return (8 * (at(h / 2) - at(-h / 2)) - (at(h) - at(-h))) / (6 * h);
      });
    const { dz, dh } = backward(build, { ...step, ...forward(build, step) }, reaching);
    const worst = (got: Float64Array, want: Float64Array): number =>
      got.reduce((most, value, i) => Math.max(most, Math.abs(value - (want[i] as number))), 0);
    expect(worst(dz, slopes("gates"))).toBeLessThan(1e-9);
    expect(worst(dh, slopes("hPrev"))).toBeLessThan(1e-9);
  });
});
