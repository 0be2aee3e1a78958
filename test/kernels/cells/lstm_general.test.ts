import { describe, expect, it } from "vitest";
import type { Activation } from "../../oracle/activations.js";
import {
  type LstmStep,
  lstmGeneralBackward,
  lstmGeneralForward,
  pickBlocks,
} from "../../oracle/cells.js";
import { expectSameBits, units } from "../../support/compare.js";
import { type TrainingTwin, type Twin, trainingTwins, twins } from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { BATCHES, benchOf, CLIPS, drawn, gatesOf, STANDARD, UNITS } from "../activations.js";
import { runBackward, runForward } from "./lstm_steps.js";

interface Case extends LstmStep {
  activations: readonly Activation[];
  clip: number;
  /** (m, 4·na) pre-activations. */
  z: Float64Array;
}

/** What a case may have, each with each: coupled gates, peepholes, a clip. */
const VARIANTS = [false, true].flatMap((coupled) =>
  [false, true].flatMap((peeps) => CLIPS.map((clip) => ({ coupled, peeps, clip }))),
);
type Variant = (typeof VARIANTS)[number];

const makeCase = (
  draw: (length: number) => Float64Array,
  m: number,
  na: number,
  { coupled, peeps, clip }: Variant,
  activations: readonly Activation[],
): Case => ({
  m,
  na,
  coupled,
  clip,
  activations,
  z: draw(m * 4 * na),
  cPrev: draw(m * na),
  peepholes: peeps ? draw(3 * na) : undefined,
});

/** `inPlace` writes c over cPrev. */
function forward(build: Twin, given: Case, shift = 0, inPlace = false) {
  const { m, na, activations, clip, coupled, z, cPrev } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const peepholes = given.peepholes && bench.constant("peepholes", given.peepholes, shift);
  const before = inPlace
    ? bench.input("cPrev and c", cPrev, shift)
    : bench.constant("cPrev", cPrev, shift);
  const rows = bench.input("rows", pickBlocks(z, na, 4, [0, 1, 2, 3, -1, -1, -1, -1]), 1 - shift);
  const c = inPlace ? before : bench.output("c", m * na, shift);
  const h = bench.output("h", m * na, 1 - shift);
  build.kernels.lstm_general_forward(
    ...([m, na, functions, Number(coupled), peepholes?.pointer ?? 0] as const),
    ...([before.pointer, rows.pointer, c.pointer, h.pointer] as const),
  );
  bench.check();
  return { rows: rows.read(), c: c.read(), h: h.read() };
}

type Reaching = { readonly [name in "rows" | "c" | "dy" | "dh" | "dc"]: Float64Array };

function backward(build: TrainingTwin, given: Case, reaching: Reaching, shift = 0) {
  const { m, na, activations, clip, coupled } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const peepholes = given.peepholes && bench.constant("peepholes", given.peepholes, shift);
  const rows = bench.constant("rows", reaching.rows, 1 - shift).pointer;
  const cPrev = bench.constant("cPrev", given.cPrev, shift).pointer;
  const c = bench.constant("c", reaching.c, 1 - shift).pointer;
  const dy = bench.constant("dy", reaching.dy, shift).pointer;
  const dh = bench.constant("dh", reaching.dh, 1 - shift).pointer;
  const dc = bench.input("dc", reaching.dc, shift);
  const dz = bench.output("dz", m * 4 * na, 1 - shift);
  build.kernels.lstm_general_backward(
    ...([m, na, functions, Number(coupled), peepholes?.pointer ?? 0] as const),
    ...([rows, cPrev, c, dy, dh, dc.pointer, dz.pointer] as const),
  );
  bench.check();
  return { dz: dz.read(), dcPrev: dc.read() };
}

const titled = VARIANTS.map((variant) => ({
  ...variant,
  title: `${variant.coupled ? "coupled" : "plain"} gates, ${variant.peeps ? "" : "no "}peepholes, clip ${variant.clip}`,
}));

describe.each(twins)("lstm_general_forward, $name build", (build) => {
  it.each(titled)("$title: every bit as the plain loop around activation_map", (variant) => {
    const next = uniform(90);
    for (const [i, na] of UNITS.entries()) {
      const activations = drawn(i);
      const gates = gatesOf(build, activations, variant.clip);
      for (const m of BATCHES) {
        for (const shift of [0, 1]) {
          const draw = (n: number) => randomArray(() => 2 * next(), n);
          const given = makeCase(draw, m, na, variant, activations);
          const want = lstmGeneralForward(given, given.z, gates);
          expectSameBits(forward(build, given, shift), want, `m ${m}, na ${na}`);
        }
      }
    }
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them; c may be cPrev", () => {
    for (let i = 0; i < 24; i++) {
      const variant = VARIANTS[i % VARIANTS.length] as Variant;
      const special = (n: number) => specialArray(i + n, n);
      const given = makeCase(special, 2, 5, variant, drawn(i));
      const want = lstmGeneralForward(given, given.z, gatesOf(build, drawn(i), variant.clip));
      for (const inPlace of [false, true]) {
        expectSameBits(forward(build, given, 0, inPlace), want, `case ${i}`);
      }
    }
  });

  it("with sigmoid, tanh, tanh and nothing else it is lstm_gates_forward, every bit", () => {
    const next = uniform(91);
    for (const na of UNITS) {
      const variant = { coupled: false, peeps: false, clip: Infinity };
      const given = makeCase((n) => randomArray(next, n), 3, na, variant, STANDARD);
      const { gates, c, h } = runForward(build, { ...given, gates: given.z });
      const got = forward(build, given);
      const active = pickBlocks(got.rows, na, 8, [4, 5, 6, 7]);
      expectSameBits({ gates: active, c: got.c, h: got.h }, { gates, c, h }, `na ${na}`);
    }
  });
});

describe.each(trainingTwins)("lstm_general_backward, $name build", (build) => {
  it.each(titled)("$title: every bit as the plain loop around the kernels' own", (variant) => {
    const next = uniform(92);
    for (const [i, na] of UNITS.entries()) {
      const activations = drawn(i + 3);
      const gates = gatesOf(build, activations, variant.clip);
      for (const m of BATCHES) {
        for (const shift of [0, 1]) {
          const draw = (n: number) => randomArray(() => 2 * next(), n);
          const given = makeCase(draw, m, na, variant, activations);
          const { rows, c } = forward(build, given);
          const [dy, dh, dc] = [draw(m * na), draw(m * na), draw(m * na)];
          const reaching = { rows, c, dy, dh, dc };
          const { dz, dcPrev } = lstmGeneralBackward(given, reaching, gates);
          const got = backward(build, given, reaching, shift);
          expectSameBits(got, { dz, dcPrev }, `m ${m}, na ${na}`);
        }
      }
    }
  });

  it("NaN, ±Inf, ±0, subnormal and huge numbers as the plain loop has them", () => {
    for (let i = 0; i < 24; i++) {
      const variant = VARIANTS[i % VARIANTS.length] as Variant;
      const special = (n: number, more = 0) => specialArray(i + n + more, n);
      const given = makeCase(special, 2, 5, variant, drawn(i));
      const reaching = {
        rows: special(2 * 8 * 5),
        c: special(10, 1),
        dy: special(10, 2),
        dh: special(10, 3),
        dc: special(10, 4),
      };
      const gates = gatesOf(build, drawn(i), variant.clip);
      const { dz, dcPrev } = lstmGeneralBackward(given, reaching, gates);
      expectSameBits(backward(build, given, reaching), { dz, dcPrev }, `case ${i}`);
    }
  });

  // Products in another order: each gradient is one of up to seven factors.
  it("with sigmoid, tanh, tanh and nothing else it is lstm_gates_backward, to 8 units", () => {
    const next = uniform(93);
    for (const na of UNITS) {
      const variant = { coupled: false, peeps: false, clip: Infinity };
      const draw = (n: number) => randomArray(() => Math.abs(next()), n);
      const given = makeCase(draw, 3, na, variant, STANDARD);
      const { rows, c } = forward(build, given);
      const [dy, dh, dc] = [draw(3 * na), draw(3 * na), draw(3 * na)];
      const { gates } = runForward(build, { ...given, gates: given.z });
      const want = runBackward(build, { ...given, gates }, { c, dy, dh, dc });
      const got = backward(build, given, { rows, c, dy, dh, dc });
      expect(units(got.dz, want.dz, want.dz, build.numbers)).toBeLessThanOrEqual(8);
      expect(units(got.dcPrev, want.dcPrev, want.dcPrev, build.numbers)).toBeLessThanOrEqual(8);
    }
  });
});
