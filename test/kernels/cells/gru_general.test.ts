import { describe, expect, it } from "vitest";
import type { Activation } from "../../oracle/activations.js";
import {
  type GruStep,
  gruOutputBackward,
  gruOutputForward,
  gruResetBackward,
  gruResetForward,
  pickBlocks,
} from "../../oracle/cells.js";
import { expectSameBits, firstDifference } from "../../support/compare.js";
import {
  type TrainingTwin,
  type Twin,
  trainingTwins,
  twins,
  Workbench,
} from "../../support/kernels.js";
import { randomArray, specialArray, uniform } from "../../support/random.js";
import { BATCHES, benchOf, CLIPS, drawn, gatesOf, STANDARD, UNITS } from "../activations.js";

interface Case extends GruStep {
  activations: readonly Activation[];
  clip: number;
}

function resetForward(build: Twin, given: Case, rows: Float64Array, shift = 0) {
  const { m, na, activations, clip, before } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const hPrev = bench.constant("hPrev", given.hPrev, shift).pointer;
  const all = bench.input("rows", rows, 1 - shift);
  build.kernels.gru_reset_forward(m, na, functions, Number(before), hPrev, all.pointer);
  bench.check();
  return { rows: all.read() };
}

/** `inPlace` writes h over hPrev. */
function outputForward(build: Twin, given: Case, rows: Float64Array, shift = 0, inPlace = false) {
  const { m, na, activations, clip, before } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const hPrev = inPlace
    ? bench.input("hPrev and h", given.hPrev, shift)
    : bench.constant("hPrev", given.hPrev, shift);
  const all = bench.input("rows", rows, 1 - shift);
  const h = inPlace ? hPrev : bench.output("h", m * na, shift);
  build.kernels.gru_output_forward(
    ...([m, na, functions, Number(before), hPrev.pointer, all.pointer, h.pointer] as const),
  );
  bench.check();
  return { rows: all.read(), h: h.read() };
}

type Reaching = { readonly [name in "rows" | "dy" | "dh"]: Float64Array };

function outputBackward(build: TrainingTwin, given: Case, reaching: Reaching, shift = 0) {
  const { m, na, activations, clip, before } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const hPrev = bench.constant("hPrev", given.hPrev, shift).pointer;
  const rows = bench.constant("rows", reaching.rows, 1 - shift).pointer;
  const dy = bench.constant("dy", reaching.dy, shift).pointer;
  const dh = bench.input("dh", reaching.dh, 1 - shift);
  const dz = bench.output("dz", m * 4 * na, shift);
  build.kernels.gru_output_backward(
    ...([m, na, functions, Number(before), hPrev, rows, dy, dh.pointer, dz.pointer] as const),
  );
  bench.check();
  return { dz: dz.read(), dh: dh.read() };
}

type Back = { readonly [name in "rows" | "dq" | "dh" | "dz"]: Float64Array };

function resetBackward(build: TrainingTwin, given: Case, back: Back, shift = 0) {
  const { m, na, activations, clip } = given;
  const { bench, functions } = benchOf(build, activations, clip);
  const hPrev = bench.constant("hPrev", given.hPrev, shift).pointer;
  const rows = bench.constant("rows", back.rows, 1 - shift).pointer;
  const dq = bench.constant("dq", back.dq, shift).pointer;
  const dh = bench.input("dh", back.dh, 1 - shift);
  const dz = bench.input("dz", back.dz, shift);
  build.kernels.gru_reset_backward(m, na, functions, hPrev, rows, dq, dh.pointer, dz.pointer);
  bench.check();
  return { dz: dz.read(), dh: dh.read() };
}

const VARIANTS = [false, true].flatMap((before) => CLIPS.map((clip) => ({ before, clip })));
type Variant = (typeof VARIANTS)[number];
const titled = VARIANTS.map((variant) => ({
  ...variant,
  title: `reset ${variant.before ? "before" : "after"}, clip ${variant.clip}`,
}));

/** Sets a block of every row of (m, blocks·na) to NaN: the kernel is to set it. */
function emptied(rows: Float64Array, na: number, blocks: number, block: number): Float64Array {
  return rows.map((value, i) => (Math.floor(i / na) % blocks === block ? Number.NaN : value));
}

type Draw = (length: number) => Float64Array;

/** Numbers for a case, and the rows of its step: n, r, z, q; what is to be set is NaN. */
function makeCase(draw: Draw, m: number, na: number, variant: Variant, i: number) {
  const given: Case = { m, na, ...variant, activations: drawn(i), hPrev: draw(m * na) };
  const rows = pickBlocks(draw(m * 4 * na), na, 4, [0, 1, 2, 3, -1, -1, -1]);
  return { given, rows: variant.before ? emptied(rows, na, 7, 3) : rows };
}

/** Calls `check` with cases of every size, of numbers around 1 and of special ones. */
function eachCase(
  variant: Variant,
  check: (made: ReturnType<typeof makeCase>, draw: Draw, shift: number, where: string) => void,
): void {
  const next = uniform(100);
  for (const [i, na] of UNITS.entries()) {
    for (const m of BATCHES) {
      for (const shift of [0, 1]) {
        const draw: Draw = (n) => randomArray(() => 2 * next(), n);
        check(makeCase(draw, m, na, variant, i), draw, shift, `m ${m}, na ${na}`);
      }
    }
  }
  for (let i = 0; i < 12; i++) {
    const draw: Draw = (n) => specialArray(i + n + Math.floor(100 * next()), n);
    check(makeCase(draw, 2, 5, variant, i), draw, 0, `special numbers, case ${i}`);
  }
}

describe.each(twins)("the forward kernels, $name build", (build) => {
  const { round } = build.numbers;

  it.each(titled)("gru_reset_forward, $title: every bit as the plain loop", (variant) => {
    eachCase(variant, ({ given, rows }, _, shift, where) => {
      const gates = gatesOf(build, given.activations, given.clip);
      const want = { rows: gruResetForward(given, rows, gates) };
      expectSameBits(resetForward(build, given, rows, shift), want, where);
    });
  });

  it.each(titled)("gru_output_forward, $title: every bit as the plain loop", (variant) => {
    eachCase(variant, ({ given, rows }, draw, shift, where) => {
      const { na } = given;
      const gates = gatesOf(build, given.activations, given.clip);
      // r' and z' need not come from the other kernel; n' is to be set.
      const full = emptied(
        rows.map((value, i) => (Number.isNaN(value) ? draw(i + 1)[i] : value) as number),
        na,
        7,
        4,
      );
      const want = gruOutputForward(given, full, gates);
      for (const inPlace of [false, true]) {
        expectSameBits(outputForward(build, given, full, shift, inPlace), want, where);
      }
    });
  });

  it("with sigmoid and tanh, reset after, they are gru_gates_forward, every bit", () => {
    const next = uniform(101);
    for (const na of UNITS) {
      const [z, hPrev] = [randomArray(next, 3 * 4 * na), randomArray(next, 3 * na)];
      const bench = new Workbench(build);
      const from = bench.constant("hPrev", hPrev);
      const [gates, h] = [bench.input("gates", z), bench.output("h", 3 * na)];
      build.kernels.gru_gates_forward(3, na, from.pointer, gates.pointer, h.pointer);
      const [active, want] = [gates.read(), h.read()];
      const given = {
        m: 3,
        na,
        before: false,
        hPrev,
        clip: Infinity,
        activations: STANDARD,
      };
      const { rows } = resetForward(build, given, pickBlocks(z, na, 4, [0, 1, 2, 3, -1, -1, -1]));
      const got = outputForward(build, given, rows);
      expect(firstDifference(got.h, want), `na ${na}`).toBeUndefined();
      for (let r = 0; r < 3; r++) {
        const [a, b] = [got.rows.subarray((7 * r + 4) * na, 7 * (r + 1) * na), 4 * r * na];
        expect(firstDifference(a, active.subarray(b, b + 3 * na)), `na ${na}`).toBeUndefined();
      }
    }
  });

  it("do not touch what is not theirs", () => {
    const given = { m: 1, na: 3, before: false, hPrev: new Float64Array(3).fill(0.5), clip: 1 };
    const rows = Float64Array.from({ length: 21 }, (_, i) => round(i / 8));
    const reset = resetForward(build, { ...given, activations: STANDARD }, rows).rows;
    expect([...reset.subarray(0, 15)]).toEqual([...rows.subarray(0, 15)]);
    const made = outputForward(build, { ...given, before: true, activations: STANDARD }, rows).rows;
    expect([...made.subarray(0, 12)]).toEqual([...rows.subarray(0, 12)]);
    expect([...made.subarray(15)]).toEqual([...rows.subarray(15)]);
  });
});

describe.each(trainingTwins)("the backward kernels, $name build", (build) => {
  it.each(titled)("gru_output_backward, $title: every bit as the plain loop", (variant) => {
    eachCase(variant, ({ given }, draw, shift, where) => {
      const { m, na } = given;
      const gates = gatesOf(build, given.activations, given.clip);
      const reaching = { rows: draw(m * 7 * na), dy: draw(m * na), dh: draw(m * na) };
      const want = gruOutputBackward(given, reaching, gates);
      expectSameBits(outputBackward(build, given, reaching, shift), want, where);
    });
  });

  it.each(CLIPS)("gru_reset_backward, clip %f: every bit as the plain loop", (clip) => {
    eachCase({ before: true, clip }, ({ given }, draw, shift, where) => {
      const { m, na } = given;
      const gates = gatesOf(build, given.activations, clip);
      const dz = emptied(draw(m * 4 * na), na, 4, 1);
      const back = { rows: draw(m * 7 * na), dq: draw(m * na), dh: draw(m * na), dz };
      const want = gruResetBackward(given, back, gates);
      expectSameBits(resetBackward(build, given, back, shift), want, where);
    });
  });
});
