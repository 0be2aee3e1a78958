import type {
  DenseDescription,
  ModelDescription,
  OutputKind,
} from "../../description/description.js";
import type { RecurrentOptions } from "../../layers/options.js";

/** The options of a recurrent module that its shapes do not imply. */
export type UnshapedOptions = Pick<
  RecurrentOptions,
  "reverse" | "nonlinearity" | "resetAfter" | "clip" | "inputForget" | "activations"
>;

export interface RecurrentPart {
  readonly name: string;
  readonly options: UnshapedOptions;
  readonly merge?: "sum" | "mul" | "ave";
  /** After each of its layers. */
  readonly layerNorm?: readonly NormPart[];
  readonly residual?: true;
}

/** A layer normalisation: `weight` and `bias` of a module. */
export interface NormPart {
  readonly name: string;
  readonly epsilon?: number | undefined;
}

export interface DensePart {
  readonly name: string;
  /** The module whose weight this one uses, if it has none of its own. */
  readonly shares?: string;
  readonly activation: DenseDescription["activation"];
}

/** The role of each module: a description without its numbers, and without the options that their shapes imply. */
export interface Architecture {
  readonly input:
    | { readonly kind: "embedding"; readonly name: string }
    | { readonly kind: "one-hot" | "features"; readonly guessed?: true | undefined };
  /** From the input upwards. */
  readonly recurrent: readonly RecurrentPart[];
  readonly dense: readonly DensePart[];
  readonly output: OutputKind;
  /** What a reader of an earlier file inferred. Absent for what the file itself states, or for what is yet to be examined. */
  readonly assumptions?: ModelDescription["assumptions"];
}

/** Answers to the questions that a file's names and shapes leave open. */
export interface PytorchNames {
  /** The recurrent modules, from the input upwards: `"encoder.rnn"`, or `["rnn1", "rnn2"]`. */
  readonly recurrent?: string | readonly string[] | undefined;
  /** The embedding's module; null for a network without one, even if a tensor would fit. */
  readonly embedding?: string | null | undefined;
  /** The linear modules on top, the lowest first; null for a network without one, even if a tensor would fit. */
  readonly output?: OutputName | readonly OutputName[] | null | undefined;
  /** The input of a network without an embedding. Default: `"one-hot"` if there are nx outputs, else `"features"`. */
  readonly input?: "one-hot" | "features" | undefined;
  /** The model's output: one for each step, or one for the sequence. `loadTagger` takes it, too, as `output`. */
  readonly pooling?: OutputKind | "step" | undefined;
  /**
   * Whether the output of a recurrent module is added to another one. Needed for several recurrent modules whose sizes allow
   * it. `true` is refused: the metadata `recurra.network` state which inputs are added.
   */
  readonly residual?: boolean | undefined;
  /** An RNN's activation. Default: the metadata's `nonlinearity`, else `"tanh"`. */
  readonly nonlinearity?: "tanh" | "relu" | undefined;
  /**
   * Whether tensors outside of the network found are an error. `"ignore"` leaves out whatever they compute: the outputs are
   * wrong unless the network does without them. Default `"reject"`.
   */
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
