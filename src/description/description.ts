import type { Activation } from "../cells/activations.js";
import type { RecurrentOptions } from "../layers/options.js";

/** Numbers of a file, with their shape, in C order. */
export interface StoredNumbers {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array;
}

/**
 * The input of the first recurrent layer: for each token its row of a table, for each token a one-hot vector, or
 * features. `guessed` marks a kind that the file does not state: the sizes suggest it.
 */
export type InputDescription =
  | { readonly kind: "embedding"; readonly name: string; readonly weight: StoredNumbers }
  | { readonly kind: "one-hot"; readonly size: number; readonly guessed?: true | undefined }
  | { readonly kind: "features"; readonly size: number; readonly guessed?: true | undefined };

/** Layer normalisation of each row of n numbers, as torch.nn.LayerNorm: weight·(x − mean) / √(variance + epsilon) + bias. */
export interface LayerNormDescription {
  readonly name: string;
  /** (n). */
  readonly weight: StoredNumbers;
  /** (n). */
  readonly bias: StoredNumbers;
  /** Default 1e-5. */
  readonly epsilon?: number | undefined;
}

/** A recurrent part of a model: layers of one kind, each of which feeds the next. */
export interface RecurrentDescription {
  /** Its name in the file: a prefix of tensor names, or the name of a layer or node. */
  readonly name: string;
  readonly options: RecurrentOptions;
  /** Under PyTorch's names, as `load` takes them. */
  readonly weights: Readonly<Record<string, StoredNumbers>>;
  /** How two directions become one output. Default `"concat"`. */
  readonly merge?: "concat" | "sum" | "mul" | "ave";
  /** Of the output of each layer, from below: both directions side by side, as one row. */
  readonly layerNorm?: readonly LayerNormDescription[];
  /**
   * Whether each layer's input is added to its output, after the normalisation, where both have the same size. Default
   * false. The directions of the highest layer are merged afterwards.
   */
  readonly residual?: boolean;
  /** By the weights' names here: the file's own, where they are not `name`, a dot and the name here. */
  readonly names?: Readonly<Record<string, string>>;
}

/** A linear layer on top: activation(weight·h + bias). */
export interface DenseDescription {
  readonly name: string;
  /** (ny, n), as nn.Linear's. */
  readonly weight: StoredNumbers;
  /** (ny). */
  readonly bias?: StoredNumbers;
  readonly activation: "softmax" | "logSoftmax" | Activation;
}

/**
 * What a network gives: a row for each step, or one for the sequence. `"last"` is the state that each direction of the highest
 * recurrent part ends with; `"mean"` and `"max"` are taken over its steps, column by column. The linear layers follow.
 */
export type OutputKind = "steps" | "last" | "mean" | "max";

/** A network as a file of any format describes it. Plain data, not in linear memory. */
export interface ModelDescription {
  readonly format: "safetensors" | "onnx" | "keras" | "tensorflow.js";
  readonly input: InputDescription;
  /** From the input upwards: each feeds the next. */
  readonly recurrent: readonly RecurrentDescription[];
  /** On top of them, from below. */
  readonly dense: readonly DenseDescription[];
  readonly output: OutputKind;
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * What the reader inferred and the file does not say, a sentence each. A sentence begins with the option that decides it
   * (`input`, `output`, `activation`, `nonlinearity`, `others`), or with `network`. Absent: nobody asked.
   */
  readonly assumptions?: readonly string[] | undefined;
}

/** ε of a LayerNorm whose description has none, as torch.nn.LayerNorm has it. */
export const LAYER_NORM_EPSILON = 1e-5;

/** The number of outputs of each layer of a recurrent part, before its directions are merged. */
export const layerOutputSize = ({ options }: RecurrentDescription): number =>
  (options.bidirectional === true ? 2 : 1) * (options.projectionSize ?? options.hiddenSize);

/** The number of outputs of a recurrent part. */
export function outputSize(described: RecurrentDescription): number {
  const { options, merge = "concat" } = described;
  return merge === "concat"
    ? layerOutputSize(described)
    : (options.projectionSize ?? options.hiddenSize);
}

/** Whether something follows a layer of a recurrent part before the next one. */
export const hasAddNorm = ({ layerNorm, residual }: RecurrentDescription): boolean =>
  layerNorm !== undefined || residual === true;

/** The end of an error that a wrong guess of the kind of input may have caused. */
export function guessHint(input: InputDescription): string {
  if (input.kind === "embedding" || input.guessed !== true) return "";
  const other = input.kind === "features" ? "one-hot" : "features";
  return `; that the input is ${input.kind} is a guess from the sizes: pass { input: "${other}" } if it is wrong`;
}
