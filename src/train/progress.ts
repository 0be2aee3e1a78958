import type { Tensor } from "../tensor.js";
import type { Floats } from "../wasm/abi.js";

/** Where a run of `fit` stands: what a checkpoint holds besides weights, moments and states. */
export interface Progress {
  /** Passes over the data that are complete. */
  epoch: number;
  /** Batches of the current one that are done. */
  batch: number;
  /** Steps of all runs so far. */
  steps: number;
  /** The lowest validation loss, and the epochs since. */
  best: number | undefined;
  waited: number;
  /** The weights that had the lowest validation loss, if early stopping keeps them. */
  bestWeights: Readonly<Record<string, Tensor<Floats>>> | undefined;
}

/** A run at its start. */
export const newProgress = (): Progress => ({
  epoch: 0,
  batch: 0,
  steps: 0,
  best: undefined,
  waited: 0,
  bestWeights: undefined,
});
