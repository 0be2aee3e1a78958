import { softmaxColumns } from "./softmax.js";
import {
  add,
  addColumn,
  each,
  extent,
  product,
  setStep,
  step,
  sumColumns,
  type Tensor,
  transpose,
  zeros,
} from "./tensor.js";

export interface RnnParameters {
  readonly Wax: Tensor;
  readonly Waa: Tensor;
  readonly Wya: Tensor;
  readonly ba: Tensor;
  readonly by: Tensor;
}

export interface RnnCache {
  readonly aNext: Tensor;
  readonly aPrev: Tensor;
  readonly xt: Tensor;
  readonly parameters: RnnParameters;
}

export interface RnnCaches {
  readonly x: Tensor;
  readonly parameters: RnnParameters;
  readonly length: number;
  at(t: number): RnnCache;
}

type RnnGradients = Readonly<Record<"dWax" | "dWaa" | "dba", Tensor>>;

export function rnnCellForward(xt: Tensor, aPrev: Tensor, parameters: RnnParameters) {
  const { Wax, Waa, Wya, ba, by } = parameters;
  const z = addColumn(add(product(Waa, aPrev), product(Wax, xt)), ba);
  const aNext = each(Math.tanh, z);
  const ytPred = softmaxColumns(addColumn(product(Wya, aNext), by));
  const cache: RnnCache = { aNext, aPrev, xt, parameters };
  return { aNext, ytPred, cache };
}

export function rnnForward(x: Tensor, a0: Tensor, parameters: RnnParameters) {
  const [m, T] = [extent(x, 1), extent(x, 2)];
  const a = zeros(extent(a0, 0), m, T);
  const yPred = zeros(extent(parameters.by, 0), m, T);
  const steps: RnnCache[] = [];
  let aPrev = a0;
  for (let t = 0; t < T; t++) {
    const { aNext, ytPred, cache } = rnnCellForward(step(x, t), aPrev, parameters);
    setStep(a, t, aNext);
    setStep(yPred, t, ytPred);
    steps.push(cache);
    aPrev = aNext;
  }
  const caches: RnnCaches = { x, parameters, length: T, at: (t) => steps[t] as RnnCache };
  return { a, yPred, caches };
}

export function rnnCellBackward(daNext: Tensor, { aNext, aPrev, xt, parameters }: RnnCache) {
  const dz = each((da, a) => da * (1 - a * a), daNext, aNext);
  return {
    dxt: product(transpose(parameters.Wax), dz),
    daPrev: product(transpose(parameters.Waa), dz),
    dWax: product(dz, transpose(xt)),
    dWaa: product(dz, transpose(aPrev)),
    dba: sumColumns(dz),
  };
}

/** da is (na, m, T') and covers the first T' steps. */
export function rnnBackward(
  da: Tensor,
  caches: RnnCaches,
): { dx: Tensor; da0: Tensor } & RnnGradients {
  const { x, parameters } = caches;
  const [na, m, steps] = [extent(da, 0), extent(da, 1), extent(da, 2)];
  const dx = zeros(extent(x, 0), m, steps);
  let da0 = zeros(na, m);
  let dWax = zeros(...parameters.Wax.shape);
  let dWaa = zeros(...parameters.Waa.shape);
  let dba = zeros(...parameters.ba.shape);
  for (let t = steps - 1; t >= 0; t--) {
    const g = rnnCellBackward(add(step(da, t), da0), caches.at(t));
    setStep(dx, t, g.dxt);
    da0 = g.daPrev;
    dWax = add(dWax, g.dWax);
    dWaa = add(dWaa, g.dWaa);
    dba = add(dba, g.dba);
  }
  return { dx, da0, dWax, dWaa, dba };
}
