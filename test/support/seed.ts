import { loaded, type Stored } from "../oracle/tensor.js";
import type { LstmParameters, RnnParameters, Subject, Tensor } from "./subject.js";

/** One program of the exercise: what goes in, what comes out, and the figures that the text prints. */
export interface SeedCase {
  case: string;
  note: string;
  inputs: Record<string, Stored>;
  parameters: Record<string, Stored>;
  expected: Record<string, Stored>;
  printed: Record<string, number | number[]>;
}

/** What a program gives, under the exercise's names. A list stands for a Python tuple; null for a place nobody reads. */
export type Output = Tensor | null | readonly Output[];
export type Outputs = Record<string, Output>;

const load = (stored: Record<string, Stored>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, loaded(value)]));

type Program = (on: Subject, given: Record<string, Tensor>, parameters: unknown) => Outputs;

/** The operand of that name; a case that lacks it is a mistake in the fixture. */
function need(given: Record<string, Tensor>, name: string): Tensor {
  const value = given[name];
  if (value === undefined) throw new Error(`the case has no input ${name}`);
  return value;
}

const lstmBackward =
  (throughTime: boolean): Program =>
  (on, given, parameters) => {
    const { caches } = on.lstmForward(
      need(given, "x"),
      need(given, "a0"),
      parameters as LstmParameters,
    );
    return { ...on.lstmBackward(need(given, "da"), caches, { throughTime }) };
  };

const PROGRAMS: Record<string, Program> = {
  rnn_cell_forward(on, given, parameters) {
    const [xt, aPrev] = [need(given, "xt"), need(given, "a_prev")];
    const { aNext, ytPred } = on.rnnCellForward(xt, aPrev, parameters as RnnParameters);
    return { a_next: aNext, yt_pred: ytPred };
  },

  rnn_forward(on, given, parameters) {
    const [x, a0] = [need(given, "x"), need(given, "a0")];
    const { a, yPred, caches } = on.rnnForward(x, a0, parameters as RnnParameters);
    return { a, y_pred: yPred, caches: [null, caches.x] };
  },

  rnn_cell_backward(on, given, parameters) {
    const [xt, aPrev] = [need(given, "xt"), need(given, "a_prev")];
    const { cache } = on.rnnCellForward(xt, aPrev, parameters as RnnParameters);
    const { daPrev, ...others } = on.rnnCellBackward(need(given, "da_next"), cache);
    return { da_prev: daPrev, ...others };
  },

  rnn_backward(on, given, parameters) {
    const [x, a0] = [need(given, "x"), need(given, "a0")];
    const { caches } = on.rnnForward(x, a0, parameters as RnnParameters);
    return { ...on.rnnBackward(need(given, "da"), caches) };
  },

  lstm_cell_forward(on, given, parameters) {
    const [xt, aPrev, cPrev] = [need(given, "xt"), need(given, "a_prev"), need(given, "c_prev")];
    const made = on.lstmCellForward(xt, aPrev, cPrev, parameters as LstmParameters);
    const k = made.cache;
    return {
      a_next: made.aNext,
      c_next: made.cNext,
      yt_pred: made.ytPred,
      ...{ ft: k.ft, it: k.it, cct: k.cct, ot: k.ot },
      cache: [k.aNext, k.cNext, k.aPrev, k.cPrev, k.ft, k.it, k.cct, k.ot, k.xt],
    };
  },

  lstm_forward(on, given, parameters) {
    const [x, a0] = [need(given, "x"), need(given, "a0")];
    const { a, y, c, caches } = on.lstmForward(x, a0, parameters as LstmParameters);
    return { a, y, c, caches: [null, caches.x] };
  },

  lstm_cell_backward(on, given, parameters) {
    const [xt, aPrev, cPrev] = [need(given, "xt"), need(given, "a_prev"), need(given, "c_prev")];
    const { cache } = on.lstmCellForward(xt, aPrev, cPrev, parameters as LstmParameters);
    const [da, dc] = [need(given, "da_next"), need(given, "dc_next")];
    const { daPrev, dcPrev, ...others } = on.lstmCellBackward(da, dc, cache);
    return { da_prev: daPrev, dc_prev: dcPrev, ...others };
  },

  lstm_backward: lstmBackward(true),
  lstm_backward_local: lstmBackward(false),
};

/** Runs one of the exercise's programs on the oracle or the engine, in Node or in a page. */
export function runSeedCase(on: Subject, seed: SeedCase): Outputs {
  const program = PROGRAMS[seed.case];
  if (program === undefined) throw new Error(`no program is called ${seed.case}`);
  return program(on, load(seed.inputs), load(seed.parameters));
}
