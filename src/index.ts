/**
 * Engines, models that score and tag, recurrent layers, and the exercise's functions.
 *
 * @module recurra
 */

export type { Activation, ActivationName } from "./cells/activations.js";
export type {
  DenseDescription,
  InputDescription,
  LayerNormDescription,
  ModelDescription,
  OutputKind,
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
export type { Bytes, BytesSource } from "./formats/bytes.js";
export type { Caches, StepCache } from "./functional/caches.js";
export type { ParameterGradients, RecurrentName } from "./functional/cell_table.js";
export {
  type GruCache,
  type GruCaches,
  type GruGradients,
  type GruParameters,
  gruBackward,
  gruCellBackward,
  gruCellForward,
  gruForward,
} from "./functional/gru.js";
export {
  type Loss,
  type LossOptions,
  softmaxCrossEntropy,
  type Targets,
} from "./functional/loss.js";
export {
  type LstmBackwardOptions,
  type LstmCache,
  type LstmCaches,
  type LstmForwardOptions,
  type LstmGradients,
  type LstmParameters,
  lstmBackward,
  lstmCellBackward,
  lstmCellForward,
  lstmForward,
} from "./functional/lstm.js";
export {
  type RnnCache,
  type RnnCaches,
  type RnnGradients,
  type RnnParameters,
  rnnBackward,
  rnnCellBackward,
  rnnCellForward,
  rnnForward,
} from "./functional/rnn.js";
export type { AbortSignalLike } from "./host.js";
export type {
  ForwardOptions,
  ForwardResult,
  ListForwardOptions,
  ListForwardResult,
} from "./layers/forward.js";
export type { ForwardRecurrent, NumberArray, OutOption } from "./layers/forward_recurrent.js";
export type { BackwardResult, ListBackwardResult } from "./layers/gradients.js";
export type { RecurrentOptions } from "./layers/options.js";
export {
  type BackwardOptions,
  createRecurrent,
  type Recurrent,
} from "./layers/recurrent.js";
export type { RecurrentState, StateTensors } from "./layers/state.js";
export type { RecurrentTape } from "./layers/tape.js";
export type {
  LayerGradients,
  LayerWeights,
  WeightData,
  WeightName,
  WeightPart,
} from "./layers/weights.js";
export type { IndexedError } from "./model/batching.js";
export type {
  EachScore,
  IndexedScore,
  LanguageModel,
  ScoreEachOptions,
  ScoreManyOptions,
  ScoreOptions,
} from "./model/language_model.js";
export {
  type LanguageModelOptions,
  loadLanguageModel,
  loadTagger,
  type ModelSource,
  type TaggerOptions,
} from "./model/loading.js";
export type { Normalisation } from "./model/normalisation.js";
export { type NextAllOptions, nextAll, type PushAllOptions, pushAll } from "./model/push_all.js";
export type { Score } from "./model/score_work.js";
export type { LanguageStream } from "./model/stream.js";
export type { StreamState } from "./model/stream_state.js";
export { type TaggerSteps, tagAll } from "./model/tag_all.js";
export type {
  EachTagged,
  IndexedTagged,
  TagEachOptions,
  Tagger,
  TagOptions,
} from "./model/tagger.js";
export type { Tagged, TaggerInput } from "./model/tagger_content.js";
export type { TaggedStep, TaggerStep, TaggerStream } from "./model/tagger_stream.js";
export type { OnError, Outcome, Progress } from "./model/time_slices.js";
export {
  type ModelReference,
  type Verification,
  type VerifiedElement,
  type VerifyOptions,
  verifyModel,
} from "./model/verify.js";
export type { Sequence, Vocabulary, VocabularySource } from "./model/vocabulary.js";
export { type Tensor, tensor } from "./tensor.js";
export type { Precision } from "./wasm/abi.js";
export {
  createEngine,
  createEngineSync,
  type Engine,
  type EngineOptions,
  type Features,
} from "./wasm/engine.js";
export type { WasmBytes, WasmModule, WasmResponse, WasmSource } from "./wasm/instance.js";
