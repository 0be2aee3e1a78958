import type { DenseDescription, ModelDescription } from "../../description/description.js";
import type { RecurrentOptions } from "../../layers/options.js";

/** What the shapes of a recurrent module cannot say. */
export type Unshaped = Pick<
  RecurrentOptions,
  "reverse" | "nonlinearity" | "resetAfter" | "clip" | "inputForget" | "activations"
>;

export interface RecurrentLayout {
  readonly name: string;
  readonly options: Unshaped;
  readonly merge?: "sum" | "mul" | "ave";
}

export interface DenseLayout {
  readonly name: string;
  /** The module whose weight it shares, where it has none of its own. */
  readonly shares?: string;
  readonly activation: DenseDescription["activation"];
}

/** Which module is what: all of a description but the numbers and what their shapes say. */
export interface Layout {
  readonly input:
    | { readonly kind: "embedding"; readonly name: string }
    | { readonly kind: "one-hot" | "features" };
  /** From the input upwards. */
  readonly recurrent: readonly RecurrentLayout[];
  readonly dense: readonly DenseLayout[];
  readonly output: ModelDescription["output"];
}

/** What a file's names and shapes leave open. */
export interface PytorchNames {
  /** The recurrent modules, from the input upwards: `"encoder.rnn"`, or `["rnn1", "rnn2"]`. */
  readonly recurrent?: string | readonly string[] | undefined;
  /** The embedding's module; null: there is none, whatever fits. */
  readonly embedding?: string | null | undefined;
  /** The linear modules on top, from below; null: there is none, whatever fits. */
  readonly output?: OutputName | readonly OutputName[] | null | undefined;
  /** What goes in where there is no embedding. Default: one-hot vectors if nx is the number of outputs. */
  readonly input?: "one-hot" | "features" | undefined;
  /** An RNN's function. Default: the metadata's `nonlinearity`, else `"tanh"`. */
  readonly nonlinearity?: "tanh" | "relu" | undefined;
  /** What to do about tensors that are no part of the network found. Default `"reject"`. */
  readonly others?: "reject" | "ignore" | undefined;
}

/** A linear module; `weight` is the module whose weight it shares, such as the embedding. */
export type OutputName =
  | string
  | {
      readonly name: string;
      readonly weight?: string;
      readonly activation?: DenseDescription["activation"];
    };
