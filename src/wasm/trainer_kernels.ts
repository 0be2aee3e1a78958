import { training_f32 as singleFusions } from "../../build/embedded/fusions.js";
import { source as single } from "../../build/embedded/sets/training_f32.js";
import { source } from "../../build/embedded/train.js";
import type { BackwardKernels, GeneralTrainingKernels, NumberType } from "./abi.js";
import type { KernelSet } from "./embedded.js";
import type { EngineCore } from "./engine.js";
import { float32 } from "./kernel_sets.js";

/** What training needs in the number type of weights and activations. Moments and sums are f64. */
export interface LayerKernels {
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
  dropout_mask(n: number, p: number, low: number, high: number, first: number, y: number): void;
  multiply_map(n: number, a: number, b: number, y: number): void;
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

/**
 * The kernels that training needs besides those of the engine, in f64: a module of its own over the engine's memory, which
 * only programs that train load. Contracts stand at the definitions in assembly/optim, heads, nn and blas.
 */
export interface TrainerKernels extends LayerKernels {
  random_map(n: number, low: number, high: number, first: number, y: number): void;
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
  log_map(n: number, x: number, y: number): void;
}

const TRAINER: KernelSet = { source };

/** The kernels of trainers over an engine's memory, bound at the first call. */
export const trainerKernels = (engine: EngineCore): TrainerKernels => engine.bind(TRAINER);

/** The kernels of training in f32: the backward pass of all cells, the updates, and conversions for the losses, which are f64. */
export interface SingleKernels extends BackwardKernels, GeneralTrainingKernels, LayerKernels {
  /** f32 to f64. */
  promote(n: number, x: number, y: number): void;
  /** f64 to f32. */
  demote(n: number, x: number, y: number): void;
}

/** The full build has not all of it. */
const SINGLE: KernelSet = { source: single, fusions: singleFusions };

/** f32 with the kernels of training. */
export const trainerFloat32 = (
  engine: EngineCore,
): NumberType & { readonly kernels: SingleKernels } =>
  engine.once(trainerFloat32, () => {
    const forward = float32(engine);
    const kernels = { ...forward.kernels, ...engine.bind<SingleKernels>(SINGLE) };
    return { ...forward, kernels };
  });
