import type { StandardLstmStep as LstmStep } from "../../oracle/cells.js";
import { type TrainingTwin, type Twin, Workbench } from "../../support/kernels.js";
import { randomArray } from "../../support/random.js";

/** What reaches a step of the backward pass, each (m, na). */
export type Reaching = { readonly [name in "c" | "dy" | "dh" | "dc"]: Float64Array };

/** A step with numbers from `draw`. */
export const makeStep = (draw: () => number, m: number, na: number): LstmStep => ({
  m,
  na,
  gates: randomArray(draw, m * 4 * na),
  cPrev: randomArray(draw, m * na),
});

export const makeReaching = (draw: () => number, m: number, na: number): Reaching => ({
  c: randomArray(draw, m * na),
  dy: randomArray(draw, m * na),
  dh: randomArray(draw, m * na),
  dc: randomArray(draw, m * na),
});

/** What `lstm_gates_forward` makes of a step; `inPlace` writes c over cPrev. */
export function runForward(build: Twin, step: LstmStep, shift = 0, inPlace = false) {
  const { m, na } = step;
  const bench = new Workbench(build);
  const cPrev = inPlace
    ? bench.input("cPrev and c", step.cPrev, shift)
    : bench.constant("cPrev", step.cPrev, shift);
  const gates = bench.input("gates", step.gates, 1 - shift);
  const c = inPlace ? cPrev : bench.output("c", m * na, shift);
  const h = bench.output("h", m * na, 1 - shift);
  build.kernels.lstm_gates_forward(m, na, cPrev.pointer, gates.pointer, c.pointer, h.pointer);
  bench.check();
  return { gates: gates.read(), c: c.read(), h: h.read() };
}

/** What `lstm_gates_backward` makes of it: `dc` is its in/out operand, `dcPrev` what it holds afterwards. */
export function runBackward(build: TrainingTwin, step: LstmStep, reaching: Reaching, shift = 0) {
  const { m, na } = step;
  const bench = new Workbench(build);
  const gates = bench.constant("gates", step.gates, shift).pointer;
  const cPrev = bench.constant("cPrev", step.cPrev, 1 - shift).pointer;
  const c = bench.constant("c", reaching.c, shift).pointer;
  const dy = bench.constant("dy", reaching.dy, 1 - shift).pointer;
  const dh = bench.constant("dh", reaching.dh, shift).pointer;
  const dc = bench.input("dc", reaching.dc, 1 - shift);
  const dz = bench.output("dz", m * 4 * na, shift);
  build.kernels.lstm_gates_backward(m, na, gates, cPrev, c, dy, dh, dc.pointer, dz.pointer);
  bench.check();
  return { dz: dz.read(), dcPrev: dc.read() };
}
