import { source } from "../../build/embedded/train.js";
import { openEmbedded } from "./embedded.js";
import type { EngineCore } from "./engine.js";

/**
 * The kernels that training needs besides those of the engine, in f64: a module of its own over the engine's memory, which
 * only programs that train load. Contracts stand at the definitions in assembly/optim, heads, nn and blas.
 */
export interface TrainKernels {
  sgd_update(
    n: number,
    rate: number,
    decay: number,
    momentum: number,
    dampening: number,
    nesterov: number,
    first: number,
    g: number,
    w: number,
    v: number,
  ): void;
  adam_update(
    n: number,
    rate: number,
    decay: number,
    shrink: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    root: number,
    g: number,
    w: number,
    m: number,
    v: number,
    most: number,
  ): void;
  rmsprop_update(
    n: number,
    rate: number,
    decay: number,
    alpha: number,
    epsilon: number,
    momentum: number,
    g: number,
    w: number,
    s: number,
    v: number,
    mean: number,
  ): void;
  adagrad_update(
    n: number,
    rate: number,
    decay: number,
    epsilon: number,
    g: number,
    w: number,
    s: number,
  ): void;
  sum_squares(n: number, x: number): number;
  scale_map(n: number, factor: number, x: number): void;
  clamp_map(n: number, limit: number, x: number): void;
  random_map(n: number, low: number, high: number, first: number, y: number): void;
  dropout_mask(n: number, p: number, low: number, high: number, first: number, y: number): void;
  multiply_map(n: number, a: number, b: number, y: number): void;
  smooth_cross_entropy_rows(
    rows: number,
    n: number,
    smoothing: number,
    logits: number,
    targets: number,
    weights: number,
    scales: number,
    loss: number,
    dlogits: number,
  ): void;
  squared_error_rows(
    rows: number,
    n: number,
    outputs: number,
    targets: number,
    scales: number,
    loss: number,
    doutputs: number,
  ): void;
  binary_cross_entropy_rows(
    rows: number,
    n: number,
    logits: number,
    targets: number,
    positive: number,
    scales: number,
    loss: number,
    dlogits: number,
  ): void;
  layer_norm_forward(
    rows: number,
    n: number,
    epsilon: number,
    x: number,
    gain: number,
    bias: number,
    y: number,
    statistics: number,
  ): void;
  layer_norm_backward(
    rows: number,
    n: number,
    x: number,
    gain: number,
    statistics: number,
    dy: number,
    dx: number,
    dgain: number,
    dbias: number,
  ): void;
  scatter_add_rows(
    rows: number,
    n: number,
    lds: number,
    ldt: number,
    source: number,
    index: number,
    target: number,
  ): void;
  scale_rows(rows: number, n: number, factors: number, x: number): void;
}

/** Numbers of parameters: a module that has others is stale. */
const ARITY: Readonly<Record<keyof TrainKernels, number>> = {
  sgd_update: 10,
  adam_update: 13,
  rmsprop_update: 11,
  adagrad_update: 7,
  sum_squares: 2,
  scale_map: 3,
  clamp_map: 3,
  random_map: 5,
  dropout_mask: 6,
  multiply_map: 4,
  smooth_cross_entropy_rows: 9,
  squared_error_rows: 7,
  binary_cross_entropy_rows: 8,
  layer_norm_forward: 8,
  layer_norm_backward: 9,
  scatter_add_rows: 7,
  scale_rows: 4,
};

const bound = new WeakMap<EngineCore, TrainKernels>();

/** The training kernels over an engine's memory, bound at the first call. */
export function trainKernels(engine: EngineCore): TrainKernels {
  const known = bound.get(engine);
  if (known !== undefined) return known;
  const exports = engine.arena.instantiate(openEmbedded("training kernels", source));
  for (const [name, arity] of Object.entries(ARITY)) {
    const length = (exports[name] as { length?: number } | undefined)?.length;
    if (length !== arity) throw new TypeError(`training kernels: ${name}: run npm run build`);
  }
  const kernels = exports as unknown as TrainKernels;
  bound.set(engine, kernels);
  return kernels;
}
