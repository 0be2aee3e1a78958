// The entry `recurra/forward`: recurrent layers that only run forward. A bundle of it holds no code of training, and the
// kernels that the program imports.
export type { Activation, ActivationName } from "./cells/activations.js";
export { float32, generalCells, generalCellsFloat32, type Kernels } from "./cells/kernels.js";
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
