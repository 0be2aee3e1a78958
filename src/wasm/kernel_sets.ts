import {
  forward_f32 as forward32Fusions,
  forward_f64 as forward64Fusions,
  general_f32 as general32Fusions,
  general_f64 as general64Fusions,
  general_training as generalTrainingFusions,
  training as trainingFusions,
} from "../../build/embedded/fusions.js";
import { source as forward32 } from "../../build/embedded/sets/forward_f32.js";
import { source as forward64 } from "../../build/embedded/sets/forward_f64.js";
import { source as general32 } from "../../build/embedded/sets/general_f32.js";
import { source as general64 } from "../../build/embedded/sets/general_f64.js";
import { source as generalTraining } from "../../build/embedded/sets/general_training.js";
import { source as norm } from "../../build/embedded/sets/norm.js";
import { source as output } from "../../build/embedded/sets/output.js";
import { source as training } from "../../build/embedded/sets/training.js";
import {
  type BackwardKernels,
  type ForwardKernels,
  type GeneralKernels,
  type GeneralTrainingKernels,
  LAYOUTS,
  type NormKernels,
  type NumberType,
  type OutputKernels,
  type Precision,
  type TrainingKernels,
} from "./abi.js";
import type { KernelSet } from "./embedded.js";
import type { EngineCore } from "./engine.js";

// A program ships a set if it imports a function that binds it, and no other set. A set is compiled at its first use.

const FORWARD_F64: KernelSet = {
  source: forward64,
  fusions: forward64Fusions,
  precision: "f64",
};
const FORWARD_F32: KernelSet = {
  source: forward32,
  fusions: forward32Fusions,
  precision: "f32",
};
const GENERAL_F64: KernelSet = {
  source: general64,
  fusions: general64Fusions,
  precision: "f64",
};
const GENERAL_F32: KernelSet = {
  source: general32,
  fusions: general32Fusions,
  precision: "f32",
};
const OUTPUT: KernelSet = { source: output, precision: "f64" };
const NORM: KernelSet = { source: norm, precision: "f64" };
const TRAINING: KernelSet = { source: training, fusions: trainingFusions, precision: "f64" };
const GENERAL_TRAINING: KernelSet = {
  source: generalTraining,
  fusions: generalTrainingFusions,
  precision: "f64",
};

/** f64 with its forward kernels. */
export const float64 = (engine: EngineCore): NumberType =>
  engine.once(LAYOUTS.f64, () => ({
    precision: "f64",
    ...LAYOUTS.f64,
    kernels: engine.bind<ForwardKernels>(FORWARD_F64),
  }));

/** f32 with its forward kernels. */
export const float32 = (engine: EngineCore): NumberType =>
  engine.once(LAYOUTS.f32, () => ({
    precision: "f32",
    ...LAYOUTS.f32,
    kernels: engine.bind<ForwardKernels>(FORWARD_F32),
  }));

/** A precision with its forward kernels. A program that imports this ships those of both. */
export const numberType = (engine: EngineCore, precision: Precision): NumberType =>
  precision === "f64" ? float64(engine) : float32(engine);

/** The kernels of general cells in f64. */
export const generalFloat64 = (engine: EngineCore): GeneralKernels => engine.bind(GENERAL_F64);

/** The kernels of general cells in f32. */
export const generalFloat32 = (engine: EngineCore): GeneralKernels => engine.bind(GENERAL_F32);

/** The kernels of general cells in one precision. A program that imports this ships those of both. */
export const generalKernels = (engine: EngineCore, precision: Precision): GeneralKernels =>
  precision === "f64" ? generalFloat64(engine) : generalFloat32(engine);

/** The kernels of outputs. */
export const outputKernels = (engine: EngineCore): OutputKernels => engine.bind(OUTPUT);

/** The kernels of LayerNorm and residuals. */
export const normKernels = (engine: EngineCore): NormKernels => engine.bind(NORM);

/** The kernels of backward passes. */
export const trainingKernels = (engine: EngineCore): TrainingKernels =>
  engine.once(trainingKernels, () => ({
    ...float64(engine).kernels,
    ...engine.bind<TrainingKernels>(TRAINING),
  }));

/** A number type with the kernels of backward passes. */
export interface TrainingType extends NumberType {
  readonly kernels: BackwardKernels;
}

/** A number type with the kernels of backward passes. One of f32 that meets a backward pass has them: `trainerFloat32` made it. */
export const trainingType = (engine: EngineCore, dtype: NumberType): TrainingType =>
  dtype.precision === "f32"
    ? (dtype as TrainingType)
    : engine.once(trainingType, () => ({ ...float64(engine), kernels: trainingKernels(engine) }));

/** The kernels of backward passes through general cells. */
export const generalTrainingKernels = (
  engine: EngineCore,
  dtype?: NumberType,
): GeneralTrainingKernels =>
  dtype?.precision === "f32"
    ? (dtype.kernels as ForwardKernels & GeneralTrainingKernels)
    : engine.bind(GENERAL_TRAINING);
