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
      ft: k.ft,
      it: k.it,
      cct: k.cct,
      ot: k.ot,
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

/**
 * A figure printed with all its digits was summed in another order than ours: its last two of 17 digits are rounding.
 * Only such figures reach this bound; the others, with 8 decimals, are held to those.
 */
const FULL_PRECISION = 1e-14;

/** "caches[1][1][3]" → what stands there: all numbers from that place on. */
function find(outputs: Outputs, path: string): readonly number[] {
  const name = path.slice(0, path.indexOf("["));
  const indices = [...path.matchAll(/\[(\d+)\]/g)].map(([, digits]) => Number(digits));
  let place: Output | undefined = outputs[name];
  while (Array.isArray(place)) place = place[indices.shift() ?? -1] as Output | undefined;
  if (place === undefined || place === null) throw new Error(`${path}: there is no such output`);
  const { shape, data } = place as Exclude<Output, readonly Output[] | null>;
  let [start, size] = [0, data.length];
  indices.forEach((index, axis) => {
    size /= shape[axis] ?? 0;
    start += index * size;
    if (!(index < (shape[axis] ?? 0))) throw new Error(`${path}: outside shape (${shape})`);
  });
  return [...data.subarray(start, start + size)];
}

/** Decimals of a number as it is printed. */
function decimals(value: number): number {
  const [digits = "", exponent = "0"] = `${value}`.split("e");
  return (digits.split(".")[1] ?? "").length - Number(exponent);
}

/**
 * Compares figures that a text prints with outputs, each to half a unit of its last printed digit. numpy prints an array
 * with one number of decimals, and JSON forgets their trailing zeros: the longest of an array counts for all.
 *
 * @returns one line for each figure that differs
 */
export function misprints(outputs: Outputs, printed: Record<string, number | number[]>): string[] {
  return Object.entries(printed).flatMap(([path, figures]) => {
    const want = [figures].flat();
    const got = find(outputs, path);
    if (got.length !== want.length) return [`${path}: ${want.length} figures, got ${got.length}`];
    const last = Math.max(...want.map(decimals));
    return want.flatMap((figure, i) => {
      const value = got[i] as number;
      const bound = Math.max(0.5 * 10 ** -last, FULL_PRECISION * Math.abs(figure));
      // Written so that a NaN is a misprint.
      return Math.abs(value - figure) <= bound ? [] : [`${path}: printed ${figure}, got ${value}`];
    });
  });
}
