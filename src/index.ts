export type { Activation, ActivationName } from "./cells/activations.js";
export type {
  DenseDescription,
  InputDescription,
  ModelDescription,
  RecurrentDescription,
  StoredNumbers,
} from "./description/description.js";
export { type ModelFormatCode, ModelFormatError } from "./description/format_error.js";
export {
  AbortedError,
  EngineMemoryError,
  FeatureError,
  ShapeError,
  StateError,
  UnknownTokenError,
} from "./errors.js";
export {
  type GruGradients,
  gruBackward,
  gruCellBackward,
  gruCellForward,
  gruForward,
} from "./functional/gru.js";
export type { GruCache, GruCaches, GruParameters } from "./functional/gru_caches.js";
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
export type {
  ForwardOptions,
  ForwardResult,
  ListForwardOptions,
  ListForwardResult,
} from "./layers/forward.js";
export type { BackwardResult, ListBackwardResult } from "./layers/gradients.js";
export type { RecurrentOptions } from "./layers/options.js";
export { type BackwardOptions, createRecurrent, type Recurrent } from "./layers/recurrent.js";
export type { RecurrentState, StateTensors } from "./layers/state.js";
export type { RecurrentTape } from "./layers/tape.js";
export type { LayerGradients, LayerWeights, WeightData, WeightName } from "./layers/weights.js";
export type {
  LanguageModel,
  LanguageModelOptions,
  ManyOptions,
  ScoreOptions,
} from "./model/language_model.js";
export { loadLanguageModel, loadTagger, type ModelSource } from "./model/loading.js";
export type { Score } from "./model/score.js";
export type { LanguageStream, StreamState } from "./model/stream.js";
export type { Tagged, Tagger, TaggerOptions } from "./model/tagger.js";
export type { Sequence } from "./model/tokens.js";
export type { Vocabulary, VocabularySource } from "./model/vocabulary.js";
export { type Tensor, tensor } from "./tensor.js";
export type { Precision } from "./wasm/abi.js";
export {
  createEngine,
  createEngineSync,
  type Engine,
  type EngineOptions,
  type Features,
} from "./wasm/engine.js";
export type { WasmSource } from "./wasm/instance.js";
