/**
 * Trains recurrent networks, step by step as PyTorch would.
 *
 * @module recurra/train
 */
export { type PassagesOptions, textPassages } from "./data/passages.js";
export {
  createVocabulary,
  type TextVocabularyOptions,
  type VocabularyMetadataOptions,
  vocabularyMetadata,
} from "./data/vocabulary.js";
export {
  type Columns,
  type TableWindows,
  tableWindows,
  type WindowsOptions,
} from "./data/windows.js";
export type { Ids, Rows, TrainingBatch } from "./train/batch.js";
export {
  type StreamsOptions,
  type TrainingData,
  type TrainingSource,
  textStreams,
} from "./train/data.js";
export { DivergenceError } from "./train/divergence.js";
export type { EarlyStopping, FitOptions, FitReport } from "./train/fit.js";
export { type CheckedEntry, type GradCheckOptions, gradCheck } from "./train/gradient_check.js";
export type { Initialisation } from "./train/initialisation.js";
export type {
  BinaryCrossEntropyOptions,
  CrossEntropyOptions,
  LossOptions,
  SquaredErrorOptions,
} from "./train/losses.js";
export type {
  AdagradOptions,
  AdamOptions,
  OptimizerOptions,
  RmspropOptions,
  SgdOptions,
} from "./train/optimizer_options.js";
export type {
  TrainableInput,
  TrainableOptions,
  TrainableOutput,
  TrainableRecurrent,
} from "./train/options.js";
export type {
  ConstantSchedule,
  CosineSchedule,
  ExponentialSchedule,
  LinearSchedule,
  MultiStepSchedule,
  ScheduleOptions,
  StepSchedule,
} from "./train/schedules.js";
export {
  createTrainable,
  type NamedWeights,
  type SaveOptions,
  type Trainable,
  type TrainableModelOptions,
  trainable,
} from "./train/trainable.js";
export { createTrainer, type Trainer } from "./train/trainer.js";
export type { Evaluation, StepReport, TrainerOptions } from "./train/training.js";
