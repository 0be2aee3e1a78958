import * as forward32 from "../../build/embedded/forward_f32.js";
import * as forward64 from "../../build/embedded/forward_f64.js";
import * as general32 from "../../build/embedded/general_f32.js";
import * as general64 from "../../build/embedded/general_f64.js";
import * as generalTraining64 from "../../build/embedded/general_training.js";
import * as output64 from "../../build/embedded/output.js";
import * as training64 from "../../build/embedded/training.js";
import {
  type ForwardKernels,
  type GeneralKernels,
  type GeneralTrainingKernels,
  LAYOUTS,
  type NumberType,
  type OutputKernels,
  type Precision,
  type TrainingKernels,
} from "./abi.js";
import type { EngineCore } from "./engine.js";
import type { KernelSet } from "./instance.js";

// A program ships a set if it imports a function that binds it, and no other set. A set is compiled at its first use.

const FORWARD_F64: KernelSet = {
  text: forward64.text,
  fusions: forward64.fusions,
  precision: "f64",
};
const FORWARD_F32: KernelSet = {
  text: forward32.text,
  fusions: forward32.fusions,
  precision: "f32",
};
const GENERAL_F64: KernelSet = {
  text: general64.text,
  fusions: general64.fusions,
  precision: "f64",
};
const GENERAL_F32: KernelSet = {
  text: general32.text,
  fusions: general32.fusions,
  precision: "f32",
};
const OUTPUT: KernelSet = { text: output64.text, fusions: output64.fusions, precision: "f64" };
const TRAINING: KernelSet = {
  text: training64.text,
  fusions: training64.fusions,
  precision: "f64",
};
const GENERAL_TRAINING: KernelSet = {
  text: generalTraining64.text,
  fusions: generalTraining64.fusions,
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

/** The kernels of general cells in one precision. */
export const generalKernels = (engine: EngineCore, precision: Precision): GeneralKernels =>
  engine.bind(precision === "f64" ? GENERAL_F64 : GENERAL_F32);

/** The kernels of outputs. */
export const outputKernels = (engine: EngineCore): OutputKernels => engine.bind(OUTPUT);

/** The kernels of backward passes. */
export const trainingKernels = (engine: EngineCore): TrainingKernels =>
  engine.once(trainingKernels, () => ({
    ...float64(engine).kernels,
    ...engine.bind<TrainingKernels>(TRAINING),
  }));

/** The kernels of backward passes through general cells. */
export const generalTrainingKernels = (engine: EngineCore): GeneralTrainingKernels =>
  engine.bind(GENERAL_TRAINING);
