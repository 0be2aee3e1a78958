import { sigmoid } from "./activations.js";
import { softmaxColumns } from "./softmax.js";
import {
  add,
  addColumn,
  each,
  extent,
  product,
  rows,
  setStep,
  stack,
  step,
  sumColumns,
  type Tensor,
  transpose,
  zeros,
} from "./tensor.js";

/** The columns of Wu, Wr, Wc are [hidden | input]; bch is the candidate's bias inside the reset gate. */
export interface GruParameters {
  readonly Wu: Tensor;
  readonly bu: Tensor;
  readonly Wr: Tensor;
  readonly br: Tensor;
  readonly Wc: Tensor;
  readonly bc: Tensor;
  readonly bch: Tensor;
  readonly Wy: Tensor;
  readonly by: Tensor;
}

export interface GruCache {
  readonly aNext: Tensor;
  readonly aPrev: Tensor;
  readonly ut: Tensor;
  /** 1 − ut, which is what PyTorch computes as a sigmoid: of a shut gate it has digits that ut has lost. */
  readonly kept: Tensor;
  readonly rt: Tensor;
  readonly cct: Tensor;
  readonly xt: Tensor;
  readonly parameters: GruParameters;
}

export interface GruCaches {
  readonly x: Tensor;
  readonly parameters: GruParameters;
  readonly length: number;
  at(t: number): GruCache;
}

const GATES = ["Wu", "bu", "Wr", "br", "Wc", "bc", "bch"] as const;
type GruGradients = Readonly<Record<`d${(typeof GATES)[number]}`, Tensor>>;

/** W = [Wa | Wx]. */
function parts(W: Tensor): { Wa: Tensor; Wx: Tensor } {
  const [na, columns] = [extent(W, 0), extent(W, 1)];
  const turned = transpose(W);
  return { Wa: transpose(rows(turned, 0, na)), Wx: transpose(rows(turned, na, columns)) };
}

/** What the hidden state adds to the candidate before the reset gate: Wca·aPrev + bch. */
const hiddenPart = (aPrev: Tensor, { Wc, bch }: GruParameters): Tensor =>
  addColumn(product(parts(Wc).Wa, aPrev), bch);

/** cct = tanh(Wcx·xt + bc + rt·(Wca·aPrev + bch)); aNext = ut·cct + (1 − ut)·aPrev. */
export function gruCellForward(xt: Tensor, aPrev: Tensor, parameters: GruParameters) {
  const { Wu, bu, Wr, br, Wc, bc, Wy, by } = parameters;
  const concat = stack(aPrev, xt);
  const kept = each((z) => sigmoid(-z), addColumn(product(Wu, concat), bu));
  const ut = each((z) => 1 - z, kept);
  const rt = each(sigmoid, addColumn(product(Wr, concat), br));
  const input = addColumn(product(parts(Wc).Wx, xt), bc);
  const cct = each((x, r, q) => Math.tanh(x + r * q), input, rt, hiddenPart(aPrev, parameters));
  const aNext = each((u, c, z, a) => u * c + z * a, ut, cct, kept, aPrev);
  const ytPred = softmaxColumns(addColumn(product(Wy, aNext), by));
  const cache: GruCache = { aNext, aPrev, ut, kept, rt, cct, xt, parameters };
  return { aNext, ytPred, cache };
}

export function gruForward(x: Tensor, a0: Tensor, parameters: GruParameters) {
  const [m, T] = [extent(x, 1), extent(x, 2)];
  const a = zeros(extent(a0, 0), m, T);
  const y = zeros(extent(parameters.by, 0), m, T);
  const steps: GruCache[] = [];
  let aPrev = a0;
  for (let t = 0; t < T; t++) {
    const { aNext, ytPred, cache } = gruCellForward(step(x, t), aPrev, parameters);
    setStep(a, t, aNext);
    setStep(y, t, ytPred);
    steps.push(cache);
    aPrev = aNext;
  }
  const caches: GruCaches = { x, parameters, length: T, at: (t) => steps[t] as GruCache };
  return { a, y, caches };
}

/** The gradient of the pre-activation of a sigmoid gate: d·s·(1 − s). */
const throughSigmoid = (d: number, s: number): number => d * s * (1 - s);

export function gruCellBackward(daNext: Tensor, cache: GruCache) {
  const { aPrev, ut, kept, rt, cct, xt, parameters } = cache;
  const { Wu, Wr, Wc } = parameters;
  const q = hiddenPart(aPrev, parameters);
  const dzu = each((d, c, a, z) => throughSigmoid(d * (c - a), z), daNext, cct, aPrev, kept);
  const dzc = each((d, u, c) => d * u * (1 - c * c), daNext, ut, cct);
  const dzr = each((d, h, r) => throughSigmoid(d * h, r), dzc, q, rt);
  const dq = each((d, r) => d * r, dzc, rt);

  const concat = stack(aPrev, xt);
  const { Wa, Wx } = parts(Wc);
  const dconcat = [
    product(transpose(Wu), dzu),
    product(transpose(Wr), dzr),
    stack(product(transpose(Wa), dq), product(transpose(Wx), dzc)),
  ].reduce(add);
  const na = extent(aPrev, 0);
  const direct = each((d, z) => d * z, daNext, kept);
  const dWca = product(dq, transpose(aPrev));
  const dWcx = product(dzc, transpose(xt));
  return {
    dxt: rows(dconcat, na, na + extent(xt, 0)),
    daPrev: add(direct, rows(dconcat, 0, na)),
    dWu: product(dzu, transpose(concat)),
    dbu: sumColumns(dzu),
    dWr: product(dzr, transpose(concat)),
    dbr: sumColumns(dzr),
    dWc: transpose(stack(transpose(dWca), transpose(dWcx))),
    dbc: sumColumns(dzc),
    dbch: sumColumns(dq),
  };
}

/** da is (na, m, T') and covers the first T' steps. */
export function gruBackward(
  da: Tensor,
  caches: GruCaches,
): { dx: Tensor; da0: Tensor } & GruGradients {
  const { x, parameters } = caches;
  const [na, m, steps] = [extent(da, 0), extent(da, 1), extent(da, 2)];
  const dx = zeros(extent(x, 0), m, steps);
  let da0 = zeros(na, m);
  const sum = Object.fromEntries(
    GATES.map((name) => [`d${name}`, zeros(...parameters[name].shape)]),
  ) as Record<keyof GruGradients, Tensor>;
  for (let t = steps - 1; t >= 0; t--) {
    const g = gruCellBackward(add(step(da, t), da0), caches.at(t));
    setStep(dx, t, g.dxt);
    da0 = g.daPrev;
    for (const name of GATES) sum[`d${name}`] = add(sum[`d${name}`], g[`d${name}`]);
  }
  return { dx, da0, ...sum };
}
