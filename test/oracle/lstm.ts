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

/** The columns of Wf, Wi, Wc, Wo are [hidden | input]. */
export interface LstmParameters {
  readonly Wf: Tensor;
  readonly bf: Tensor;
  readonly Wi: Tensor;
  readonly bi: Tensor;
  readonly Wc: Tensor;
  readonly bc: Tensor;
  readonly Wo: Tensor;
  readonly bo: Tensor;
  readonly Wy: Tensor;
  readonly by: Tensor;
}

export interface LstmCache {
  readonly aNext: Tensor;
  readonly cNext: Tensor;
  readonly aPrev: Tensor;
  readonly cPrev: Tensor;
  readonly ft: Tensor;
  readonly it: Tensor;
  readonly cct: Tensor;
  readonly ot: Tensor;
  readonly xt: Tensor;
  readonly parameters: LstmParameters;
}

export interface LstmCaches {
  readonly x: Tensor;
  readonly parameters: LstmParameters;
  readonly length: number;
  at(t: number): LstmCache;
}

const GATES = ["Wf", "bf", "Wi", "bi", "Wc", "bc", "Wo", "bo"] as const;
type LstmGradients = Readonly<Record<`d${(typeof GATES)[number]}`, Tensor>>;

export function lstmCellForward(
  xt: Tensor,
  aPrev: Tensor,
  cPrev: Tensor,
  parameters: LstmParameters,
) {
  const { Wf, bf, Wi, bi, Wc, bc, Wo, bo, Wy, by } = parameters;
  const concat = stack(aPrev, xt);
  const ft = each(sigmoid, addColumn(product(Wf, concat), bf));
  const it = each(sigmoid, addColumn(product(Wi, concat), bi));
  const cct = each(Math.tanh, addColumn(product(Wc, concat), bc));
  const ot = each(sigmoid, addColumn(product(Wo, concat), bo));
  const cNext = each((f, c, i, g) => f * c + i * g, ft, cPrev, it, cct);
  const aNext = each((o, c) => o * Math.tanh(c), ot, cNext);
  const ytPred = softmaxColumns(addColumn(product(Wy, aNext), by));
  const cache: LstmCache = { aNext, cNext, aPrev, cPrev, ft, it, cct, ot, xt, parameters };
  return { aNext, cNext, ytPred, cache };
}

export function lstmForward(
  x: Tensor,
  a0: Tensor,
  parameters: LstmParameters,
  options: { c0?: Tensor } = {},
) {
  const [na, m, T] = [extent(a0, 0), extent(x, 1), extent(x, 2)];
  const a = zeros(na, m, T);
  const c = zeros(na, m, T);
  const y = zeros(extent(parameters.by, 0), m, T);
  const steps: LstmCache[] = [];
  let aPrev = a0;
  let cPrev = options.c0 ?? zeros(na, m);
  for (let t = 0; t < T; t++) {
    const { aNext, cNext, ytPred, cache } = lstmCellForward(step(x, t), aPrev, cPrev, parameters);
    setStep(a, t, aNext);
    setStep(c, t, cNext);
    setStep(y, t, ytPred);
    steps.push(cache);
    aPrev = aNext;
    cPrev = cNext;
  }
  const caches: LstmCaches = { x, parameters, length: T, at: (t) => steps[t] as LstmCache };
  return { a, y, c, caches };
}

/** The gradient of the pre-activation of a sigmoid gate: d·s·(1 − s). */
const throughSigmoid = (d: number, s: number): number => d * s * (1 - s);

export function lstmCellBackward(daNext: Tensor, dcNext: Tensor, cache: LstmCache) {
  const { aPrev, cPrev, cNext, ft, it, cct, ot, xt, parameters } = cache;
  const { Wf, Wi, Wc, Wo } = parameters;
  const tanhC = each(Math.tanh, cNext);
  const dc = each((d, da, o, c) => d + da * o * (1 - c * c), dcNext, daNext, ot, tanhC);
  const dzo = each((da, c, o) => throughSigmoid(da * c, o), daNext, tanhC, ot);
  const dzf = each((d, c, f) => throughSigmoid(d * c, f), dc, cPrev, ft);
  const dzi = each((d, g, i) => throughSigmoid(d * g, i), dc, cct, it);
  const dzc = each((d, i, g) => d * i * (1 - g * g), dc, it, cct);

  const concat = transpose(stack(aPrev, xt));
  const dconcat = (
    [
      [Wf, dzf],
      [Wi, dzi],
      [Wc, dzc],
      [Wo, dzo],
    ] as const
  )
    .map(([W, dz]) => product(transpose(W), dz))
    .reduce(add);
  const na = extent(aPrev, 0);
  return {
    dxt: rows(dconcat, na, na + extent(xt, 0)),
    daPrev: rows(dconcat, 0, na),
    dcPrev: each((d, f) => d * f, dc, ft),
    dWf: product(dzf, concat),
    dbf: sumColumns(dzf),
    dWi: product(dzi, concat),
    dbi: sumColumns(dzi),
    dWc: product(dzc, concat),
    dbc: sumColumns(dzc),
    dWo: product(dzo, concat),
    dbo: sumColumns(dzo),
  };
}

/**
 * da is (na, m, T') and covers the first T' steps; dcLast reaches c of step T' from beyond. With `throughTime` false no
 * step hands a gradient to the one before it.
 */
export function lstmBackward(
  da: Tensor,
  caches: LstmCaches,
  options: { throughTime?: boolean; dcLast?: Tensor } = {},
): { dx: Tensor; da0: Tensor; dc0: Tensor } & LstmGradients {
  const { x, parameters } = caches;
  const [na, m, steps] = [extent(da, 0), extent(da, 1), extent(da, 2)];
  const carried = options.throughTime ?? true;
  const dx = zeros(extent(x, 0), m, steps);
  let da0 = zeros(na, m);
  let dc0 = options.dcLast ?? zeros(na, m);
  const sum = Object.fromEntries(
    GATES.map((name) => [`d${name}`, zeros(...parameters[name].shape)]),
  ) as Record<keyof LstmGradients, Tensor>;
  for (let t = steps - 1; t >= 0; t--) {
    const fromBeyond = carried || t === steps - 1;
    const daNext = fromBeyond ? add(step(da, t), da0) : step(da, t);
    const g = lstmCellBackward(daNext, fromBeyond ? dc0 : zeros(na, m), caches.at(t));
    setStep(dx, t, g.dxt);
    da0 = g.daPrev;
    dc0 = g.dcPrev;
    for (const name of GATES) sum[`d${name}`] = add(sum[`d${name}`], g[`d${name}`]);
  }
  return { dx, da0, dc0, ...sum };
}
