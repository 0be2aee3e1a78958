// The entry `recurra/forward`: layers that only run forward, and language models that only score. A bundle of it holds no
// other code than theirs, and the kernels that the program imports.
export type { Activation, ActivationName } from "./cells/activations.js";
export { float32, generalCells, generalCellsFloat32, type Kernels } from "./cells/kernels.js";
export type { ModelDescription } from "./description/description.js";
export type { Bytes, BytesSource } from "./formats/bytes.js";
export type { ForwardResult, ListForwardResult } from "./layers/forward.js";
export {
  createRecurrent,
  type ForwardRecurrent,
  type ForwardRecurrentOptions,
  type NumberArray,
  type OutOption,
} from "./layers/forward_recurrent.js";
export type { RecurrentOptions } from "./layers/options.js";
export type { RecurrentState, StateTensors } from "./layers/state.js";
export type { LayerWeights, WeightData, WeightName, WeightPart } from "./layers/weights.js";
export { createScorer, loadScorer, type ScorerOptions } from "./model/loading.js";
export type { Score } from "./model/score_work.js";
export { Scorer } from "./model/scorer.js";
export type { OnError, Outcome, Progress, RunOptions } from "./model/time_slices.js";
export type { Sequence, Vocabulary, VocabularySource } from "./model/vocabulary.js";
