import type { Activation } from "../cells/activations.js";
import type { RecurrentOptions } from "../layers/options.js";
import type { Precision } from "../wasm/abi.js";

/** The input of a network that is trained. Each has the columns of what the lowest recurrent layer reads. */
export type InputPart = { readonly dropout: number } & (
  | {
      readonly kind: "embedding";
      readonly name: string;
      readonly tokens: number;
      readonly size: number;
    }
  | { readonly kind: "one-hot"; readonly size: number }
  | { readonly kind: "features"; readonly size: number }
);

/** A recurrent stack. */
export interface RecurrentPart {
  /** The start of its parameters' names. */
  readonly name: string;
  readonly options: RecurrentOptions;
  readonly hasBias: boolean;
  /** After each of its layers that another recurrent layer follows. */
  readonly dropout: number;
  /** How two directions of its highest layer become one output. */
  readonly merge: MergeMode;
  /** What normalises the output of each of its layers; none: nothing does. */
  readonly norms: readonly NormPart[];
  /** Whether the input of each of its layers is added to the layer's output, if both have the same size. */
  readonly residual: boolean;
}

/** A layer normalisation. */
export interface NormPart {
  /** The start of its parameters' names. */
  readonly name: string;
  readonly epsilon: number;
}

/** Two directions side by side, or their sum, product or mean. */
export type MergeMode = "concat" | "sum" | "mul" | "ave";

/** A linear layer below that of the output, and the activation after it. */
export interface HiddenPart {
  readonly name: string;
  readonly size: number;
  readonly hasBias: boolean;
  readonly activation: Activation;
}

/** The linear layer on top. */
export interface OutputPart {
  readonly name: string;
  readonly size: number;
  readonly of: OutputOf;
  /** Whether its weight is that of the embedding. */
  readonly tied: boolean;
  readonly hasBias: boolean;
  readonly dropout: number;
  /** Whether the model has a sigmoid on top: the outputs here are its arguments, which the loss "bce" takes. */
  readonly hasSigmoid: boolean;
}

/** Which rows have an output: every step, the end of each sequence, or the mean or the maximum of its steps. */
export type OutputOf = "step" | "last" | "mean" | "max";

/** A network that is trained, whether options or a file describe it. */
export interface Architecture {
  readonly precision: Precision;
  readonly input: InputPart;
  readonly recurrent: readonly RecurrentPart[];
  /** Whether a mask of dropout holds for all steps of a sequence. */
  readonly variational: boolean;
  /** From below. */
  readonly hidden: readonly HiddenPart[];
  readonly output: OutputPart;
}

/** The number of columns of a stack's output. */
export const outputOfPart = ({ options, merge }: RecurrentPart): number =>
  (options.projectionSize ?? options.hiddenSize) *
  (options.bidirectional === true && merge === "concat" ? 2 : 1);
