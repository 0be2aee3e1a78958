// What one step of a general cell does around its products, over flat arrays as the kernels have them: rows are the batch.

import { type Activation, PLAIN, slope, value } from "./activations.js";

/** A function of a gate and its derivative, which knows f(x) as y. */
export interface Gate {
  readonly value: (x: number) => number;
  readonly slope: (x: number, y: number) => number;
}

/** The functions of a cell. */
export interface Gates {
  readonly f: Gate;
  readonly g: Gate;
  readonly h: Gate;
  /** To the numbers of a lower precision: operands and every result. */
  readonly round?: (x: number) => number;
}

const exactly = (x: number): number => x;

/** `gate` with its argument held within ±clip, and a derivative of 0 beyond. */
export const clipped = ({ value, slope }: Gate, clip: number): Gate => ({
  value: (x) => value(x > clip ? clip : Math.max(x, -clip)),
  slope: (x, y) => (x > clip || x < -clip ? 0 : slope(x, y)),
});

/** By JavaScript's functions. As ONNX has them: f and g clipped, h not; what a cell has no use for may be absent. */
export function gatesOf(activations: readonly Activation[], clip = Infinity): Gates {
  const [f, g, h] = [0, 1, 2].map((which) => {
    const activation = activations[which] ?? { name: "identity", alpha: 0, beta: 0 };
    const gate: Gate = {
      value: (x) => value(activation, x),
      slope: (x, y) => slope(activation, x, y),
    };
    return which === 2 ? gate : clipped(gate, clip);
  }) as [Gate, Gate, Gate];
  return { f, g, h };
}

const at = (x: ArrayLike<number>, i: number): number => {
  const value = x[i];
  if (value === undefined) throw new RangeError(`[${i}] of ${x.length} elements`);
  return value;
};

/** Calls `unit` with each unit's place in (m, na), and its place in the first block of a row of `blocks` blocks. */
function eachUnit(
  m: number,
  na: number,
  blocks: number,
  unit: (state: number, row: number, j: number) => void,
): void {
  for (let r = 0; r < m; r++) {
    for (let j = 0; j < na; j++) unit(r * na + j, r * blocks * na + j, j);
  }
}

/** h = f(z). */
export function rnnGeneralForward(z: Float64Array, { f, round = exactly }: Gates): Float64Array {
  return z.map((x) => f.value(round(x)));
}

/** dz = (dy + dh)·f'(z). */
export function rnnGeneralBackward(
  { z, h, dy, dh }: { [name in "z" | "h" | "dy" | "dh"]: Float64Array },
  { f, round = exactly }: Gates,
): Float64Array {
  return z.map((x, j) => {
    const delta = round(round(at(dy, j)) + round(at(dh, j)));
    return round(delta * f.slope(round(x), round(at(h, j))));
  });
}

/** A step of an LSTM. */
export interface LstmStep {
  readonly m: number;
  readonly na: number;
  readonly coupled: boolean;
  /** (3·na) in the order i, f, o. */
  readonly peepholes: Float64Array | undefined;
  readonly cPrev: Float64Array;
}

/**
 * i = f(zᵢ + pᵢ·cPrev); f = f(z_f + p_f·cPrev) or 1 − i; g = g(z_g); c = f·cPrev + i·g; o = f(zₒ + pₒ·c); h = o·h(c).
 * `z` is (m, 4·na), blocks i, f, g, o; `rows` (m, 8·na): z with the peepholes' parts, then the activated blocks.
 */
export function lstmGeneralForward(
  { m, na, coupled, peepholes, cPrev }: LstmStep,
  z: Float64Array,
  { f, g, h: out, round = exactly }: Gates,
) {
  const rows = new Float64Array(m * 8 * na);
  const [c, h] = [new Float64Array(m * na), new Float64Array(m * na)];
  const peep = (block: number, j: number, memory: number): number =>
    peepholes ? round(round(at(peepholes, block * na + j)) * memory) : 0;
  eachUnit(m, na, 8, (state, row, j) => {
    const pre = (block: number): number => round(at(z, row - (row - j) / 2 + block * na));
    const kept = round(at(cPrev, state));
    const zi = peepholes ? round(pre(0) + peep(0, j, kept)) : pre(0);
    const zf = peepholes && !coupled ? round(pre(1) + peep(1, j, kept)) : pre(1);
    const i = f.value(zi);
    const forget = coupled ? round(1 - i) : f.value(zf);
    const candidate = g.value(pre(2));
    const memory = round(round(forget * kept) + round(i * candidate));
    const zo = peepholes ? round(pre(3) + peep(2, j, memory)) : pre(3);
    const o = f.value(zo);
    for (const [block, x] of [zi, zf, pre(2), zo, i, forget, candidate, o].entries()) {
      rows[row + block * na] = x;
    }
    c[state] = memory;
    h[state] = round(o * out.value(memory));
  });
  return { rows, c, h };
}

/** The derivative of `lstmGeneralForward`, whose `rows` and `c` it takes: dz (m, 4·na), and the gradients of cPrev and the peepholes. */
export function lstmGeneralBackward(
  { m, na, coupled, peepholes, cPrev }: LstmStep,
  { rows, c, dy, dh, dc }: { [name in "rows" | "c" | "dy" | "dh" | "dc"]: Float64Array },
  { f, g, h: out, round = exactly }: Gates,
) {
  const dz = new Float64Array(m * 4 * na);
  const dcPrev = new Float64Array(m * na);
  const dpeepholes = new Float64Array(3 * na);
  const get = (x: ArrayLike<number>, i: number): number => round(at(x, i));
  const peep = (block: number, j: number): number =>
    peepholes ? get(peepholes, block * na + j) : 0;
  eachUnit(m, na, 8, (state, row, j) => {
    const [zi, zf, zg, zo, i, forget, candidate, o] = [0, 1, 2, 3, 4, 5, 6, 7].map((block) =>
      get(rows, row + block * na),
    ) as [number, number, number, number, number, number, number, number];
    const [memory, kept] = [get(c, state), get(cPrev, state)];
    const delta = round(get(dy, state) + get(dh, state));
    const y = out.value(memory);
    const dO = round(round(delta * y) * f.slope(zo, o));
    let through = round(round(delta * o) * out.slope(memory, y));
    if (peepholes) through = round(through + round(peep(2, j) * dO));
    const gamma = round(get(dc, state) + through);
    const change = coupled ? round(candidate - kept) : candidate;
    const dI = round(round(gamma * change) * f.slope(zi, i));
    const dF = coupled ? 0 : round(round(gamma * kept) * f.slope(zf, forget));
    const dG = round(round(gamma * i) * g.slope(zg, candidate));
    for (const [block, d] of [dI, dF, dG, dO].entries()) {
      dz[row - (row - j) / 2 + block * na] = d;
    }
    let d = round(gamma * forget);
    if (peepholes) {
      d = round(d + round(peep(0, j) * dI));
      if (!coupled) d = round(d + round(peep(1, j) * dF));
      for (const [block, part] of [dI * kept, dF * kept, dO * memory].entries()) {
        dpeepholes[block * na + j] = at(dpeepholes, block * na + j) + part;
      }
    }
    dcPrev[state] = d;
  });
  return { dz, dcPrev, dpeepholes };
}

/** A step of a GRU: rows are (m, 7·na), blocks n, r, z, q, and what came of n, r and z. */
export interface GruStep {
  readonly m: number;
  readonly na: number;
  /** The reset gate stands before the recurrent product. */
  readonly before: boolean;
  readonly hPrev: Float64Array;
}

/** r' = f(r); z' = f(z); reset before: q = r'·hPrev. Gives `rows` with them. */
export function gruResetForward(
  { m, na, before, hPrev }: GruStep,
  rows: Float64Array,
  { f, round = exactly }: Gates,
): Float64Array {
  const result = rows.map(round);
  eachUnit(m, na, 7, (state, row) => {
    const r = f.value(at(result, row + na));
    result[row + 5 * na] = r;
    result[row + 6 * na] = f.value(at(result, row + 2 * na));
    if (before) result[row + 3 * na] = round(r * round(at(hPrev, state)));
  });
  return result;
}

/** Reset after: n += r'·q. n' = g(n); h = (1 − z')·n' + z'·hPrev. Gives `rows` with them, and h. */
export function gruOutputForward(
  { m, na, before, hPrev }: GruStep,
  rows: Float64Array,
  { g, round = exactly }: Gates,
) {
  const result = rows.map(round);
  const h = new Float64Array(m * na);
  eachUnit(m, na, 7, (state, row) => {
    const [n, r, z] = [0, 5, 6].map((block) => at(result, row + block * na)) as [
      number,
      number,
      number,
    ];
    const whole = before ? n : round(n + round(r * at(result, row + 3 * na)));
    const candidate = g.value(whole);
    result[row] = whole;
    result[row + 4 * na] = candidate;
    const kept = round(z * round(at(hPrev, state)));
    h[state] = round(kept + round(round(1 - z) * candidate));
  });
  return { rows: result, h };
}

/** The derivative of `gruOutputForward`: dz (m, 4·na), blocks n, r, z, q, and δ·z' as dh. Reset before: those of r and q are 0. */
export function gruOutputBackward(
  { m, na, before, hPrev }: GruStep,
  { rows, dy, dh }: { [name in "rows" | "dy" | "dh"]: Float64Array },
  { f, g, round = exactly }: Gates,
) {
  const dz = new Float64Array(m * 4 * na);
  const direct = new Float64Array(m * na);
  const get = (x: ArrayLike<number>, i: number): number => round(at(x, i));
  eachUnit(m, na, 7, (state, row, j) => {
    const [n, r, z, q, active, reset, update] = [0, 1, 2, 3, 4, 5, 6].map((block) =>
      get(rows, row + block * na),
    ) as [number, number, number, number, number, number, number];
    const delta = round(get(dy, state) + get(dh, state));
    const dn = round(round(delta * round(1 - update)) * g.slope(n, active));
    const change = round(delta * round(get(hPrev, state) - active));
    const dUpdate = round(change * f.slope(z, update));
    const dr = before ? 0 : round(round(dn * q) * f.slope(r, reset));
    const dq = before ? 0 : round(dn * reset);
    for (const [block, d] of [dn, dr, dUpdate, dq].entries()) {
      dz[((row - j) / 7) * 4 + j + block * na] = d;
    }
    direct[state] = round(delta * update);
  });
  return { dz, dh: direct };
}

/** The derivative of `gruResetForward` with the reset before, dq (m, na) given: dr into a copy of dz, dq·r' added to one of dh. */
export function gruResetBackward(
  { m, na, hPrev }: GruStep,
  { rows, dq, dh, dz }: { [name in "rows" | "dq" | "dh" | "dz"]: Float64Array },
  { f, round = exactly }: Gates,
) {
  const [all, direct] = [dz.map(round), dh.map(round)];
  const get = (x: ArrayLike<number>, i: number): number => round(at(x, i));
  eachUnit(m, na, 7, (state, row, j) => {
    const [r, reset, d] = [get(rows, row + na), get(rows, row + 5 * na), get(dq, state)];
    all[((row - j) / 7) * 4 + j + na] = round(round(d * get(hPrev, state)) * f.slope(r, reset));
    direct[state] = round(get(dh, state) + round(d * reset));
  });
  return { dz: all, dh: direct };
}

/** What the standard cells are made of: σ for gates, tanh for all else; JavaScript's, or the kernels' own. */
export interface StandardFunctions {
  readonly tanh: (x: number) => number;
  readonly sigmoid: (x: number) => number;
  readonly round?: (x: number) => number;
}

/** The functions of a standard LSTM or GRU; their derivatives ask for y alone. */
function standardGates({ tanh, sigmoid, round = exactly }: StandardFunctions): Gates {
  const gate: Gate = { value: sigmoid, slope: (_, y) => round(y * round(1 - y)) };
  const candidate: Gate = { value: tanh, slope: (_, y) => round(1 - round(y * y)) };
  return { f: gate, g: candidate, h: candidate, round };
}

/** Blocks `picks` of each row of (m, count·na); −1 stands for a block of NaN. */
export function pickBlocks(
  rows: Float64Array,
  na: number,
  count: number,
  picks: readonly number[],
): Float64Array {
  const n = picks.length * na;
  return new Float64Array((rows.length / count) * picks.length).map((_, i) => {
    const pick = picks[Math.floor((i % n) / na)] as number;
    return pick < 0 ? Number.NaN : at(rows, Math.floor(i / n) * count * na + pick * na + (i % na));
  });
}

/** h = tanh(z). */
export const rnnGatesForward = (z: Float64Array, functions: StandardFunctions): Float64Array => {
  const { g, round = exactly } = standardGates(functions);
  return rnnGeneralForward(z, { f: g, g, h: g, round });
};

/** dz = (dy + dh)·(1 − h²). */
export function rnnGatesBackward(
  h: Float64Array,
  dy: Float64Array,
  dh: Float64Array,
  round = exactly,
): Float64Array {
  const { g } = standardGates({ ...PLAIN, round });
  return rnnGeneralBackward({ z: h, h, dy, dh }, { f: g, g, h: g, round });
}

/** gates (m, 4·na): blocks i, f, g, o, before the functions or after them. */
export interface StandardLstmStep extends Pick<LstmStep, "m" | "na" | "cPrev"> {
  readonly gates: Float64Array;
}

/** `lstmGeneralForward` of a standard cell. */
export function lstmGatesForward(step: StandardLstmStep, functions: StandardFunctions) {
  const general = { ...step, coupled: false, peepholes: undefined };
  const { rows, c, h } = lstmGeneralForward(general, step.gates, standardGates(functions));
  return { gates: pickBlocks(rows, step.na, 8, [4, 5, 6, 7]), c, h };
}

/** `lstmGeneralBackward` of a standard cell, from activated gates. */
export function lstmGatesBackward(
  step: StandardLstmStep,
  reaching: { [name in "c" | "dy" | "dh" | "dc"]: Float64Array },
  { tanh, round = exactly }: Pick<StandardFunctions, "tanh" | "round">,
) {
  const general = { ...step, coupled: false, peepholes: undefined };
  const rows = pickBlocks(step.gates, step.na, 4, [-1, -1, -1, -1, 0, 1, 2, 3]);
  const gates = standardGates({ ...PLAIN, tanh, round });
  const { dz, dcPrev } = lstmGeneralBackward(general, { ...reaching, rows }, gates);
  return { dz, dcPrev };
}

/** gates (m, 4·na): blocks n, r, z, q, before the functions or after them. */
export interface StandardGruStep extends Pick<GruStep, "m" | "na" | "hPrev"> {
  readonly gates: Float64Array;
}

/** The general GRU's two halves for a standard cell, the reset gate after the recurrent product. */
export function gruGatesForward(step: StandardGruStep, functions: StandardFunctions) {
  const [general, gates] = [{ ...step, before: false }, standardGates(functions)];
  const all = pickBlocks(step.gates, step.na, 4, [0, 1, 2, 3, -1, -1, -1]);
  const { rows, h } = gruOutputForward(general, gruResetForward(general, all, gates), gates);
  return { gates: pickBlocks(rows, step.na, 7, [4, 5, 6, 3]), h };
}

/** `gruOutputBackward` of a standard cell, from activated gates. */
export function gruGatesBackward(
  step: StandardGruStep,
  reaching: { [name in "dy" | "dh"]: Float64Array },
  round = exactly,
) {
  const rows = pickBlocks(step.gates, step.na, 4, [-1, -1, -1, 3, 0, 1, 2]);
  const general = { ...step, before: false };
  return gruOutputBackward(general, { ...reaching, rows }, standardGates({ ...PLAIN, round }));
}
