export { EngineMemoryError, FeatureError, ShapeError, StateError } from "./errors.js";
export {
  type Loss,
  type LossOptions,
  softmaxCrossEntropy,
  type Targets,
} from "./functional/loss.js";
export {
  type LstmGradients,
  lstmBackward,
  lstmCellBackward,
  lstmCellForward,
  lstmForward,
} from "./functional/lstm.js";
export type { LstmCache, LstmCaches, LstmParameters } from "./functional/lstm_caches.js";
export {
  type RnnGradients,
  rnnBackward,
  rnnCellBackward,
  rnnCellForward,
  rnnForward,
} from "./functional/rnn.js";
export type { RnnCache, RnnCaches, RnnParameters } from "./functional/rnn_caches.js";
export { type Tensor, tensor } from "./tensor.js";
export {
  createEngine,
  createEngineSync,
  type Engine,
  type EngineOptions,
  type Features,
} from "./wasm/engine.js";
export type { WasmSource } from "./wasm/instance.js";
