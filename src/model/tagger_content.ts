import type { DenseDescription, OutputKind } from "../description/description.js";
import { checkShape, isNumbers, type Tensor } from "../tensor.js";
import { Shared } from "../wasm/arena.js";
import { contentOf, type Handle } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import { Hash, hashNetwork } from "./hash.js";
import { LiveStep } from "./live_step.js";
import type { Network } from "./network.js";
import { type Normalisation, restore } from "./normalisation.js";
import type { Sequence, Tokenizer } from "./vocabulary.js";

/** A sequence of a tagger: tokens, or features (T, nx). */
export type TaggerInput = Sequence | Tensor<Float64Array | Float32Array>;

/** The result of tagging one sequence. */
export interface Tagged {
  /** (T, ny), or (1, ny) if the tagger has one output for each sequence. */
  readonly values: Tensor;
  /** The index of the largest value of each row, the first of equal ones. */
  readonly classes: Int32Array;
  /** Their names, if the tagger has names. */
  readonly labels?: readonly string[];
}

/** What is known of a tagger beside its network. */
export type TaggerContentOptions = Pick<
  TaggerContent,
  "output" | "activation" | "classes" | "hint" | "assumptions"
> &
  Partial<Pick<TaggerContent, "normalisation" | "targetNormalisation">>;

/** The content of a tagger. */
export class TaggerContent extends Shared {
  readonly network: Network;
  /** Undefined if the network takes features. */
  readonly tokenizer: Tokenizer | undefined;
  readonly output: OutputKind;
  readonly activation: DenseDescription["activation"];
  readonly classes: readonly string[] | undefined;
  /** The end of an error if the kind of input was a guess. */
  readonly hint: string;
  readonly assumptions: readonly string[];
  readonly normalisation: Normalisation | undefined;
  readonly targetNormalisation: Normalisation | undefined;
  #step: LiveStep | undefined;
  #hash: string | undefined;

  /** Takes over the caller's ownership of the network. */
  constructor(network: Network, tokenizer: Tokenizer | undefined, options: TaggerContentOptions) {
    super();
    this.network = network;
    this.tokenizer = tokenizer;
    this.output = options.output;
    this.activation = options.activation;
    this.classes = options.classes;
    this.hint = options.hint;
    this.assumptions = options.assumptions;
    this.normalisation = options.normalisation;
    this.targetNormalisation = options.targetNormalisation;
  }

  /** Moves one stream. Made at its first use. */
  get step(): LiveStep {
    this.#step ??= this.network.own(new LiveStep(this.network, 1));
    return this.#step;
  }

  /** What states are bound to: the network, and what is done to its input. */
  get hash(): string {
    this.#hash ??= this.normalisation === undefined ? hashNetwork(this.network) : this.#ownHash();
    return this.#hash;
  }

  protected free(): void {
    this.network.release();
  }

  #ownHash(): string {
    const { mean, scale } = this.normalisation as Normalisation;
    const hash = new Hash(hashNetwork(this.network));
    for (const numbers of [mean, scale]) hash.numbers(Float64Array.from(numbers));
    return hash.digits();
  }
}

/** The content of a tagger. @throws {StateError} if it or its engine is disposed */
export function openTagger(where: string, tagger: Handle): TaggerContent {
  const content = contentOf<TaggerContent>(where, tagger);
  content.network.engine.checkOpen();
  return content;
}

export type Features = Tensor<Float64Array | Float32Array>;
/** A sequence that was checked. */
export type Given = string | Int32Array | Features;

/** What sequences are checked by. */
export type InputKind = Pick<TaggerContent, "tokenizer" | "hint"> & {
  readonly network: Pick<Network, "inputSize">;
};

/** Checks a sequence. */
export function readInput(
  where: string,
  { network, tokenizer, hint }: InputKind,
  sequence: TaggerInput,
  name: string,
): Given {
  try {
    if (tokenizer !== undefined) return tokenizer.read(where, name, sequence as Sequence);
    const features = sequence as Features;
    const numbers = isNumbers(features?.data, Float32Array) ? Float32Array : Float64Array;
    const sizes = [undefined, network.inputSize];
    checkShape(where, name, features, ["T", "nx"], sizes, " (from the model)", numbers);
    return features;
  } catch (error) {
    if (hint !== "" && error instanceof TypeError) throw new TypeError(error.message + hint);
    throw error;
  }
}

/** Puts the activation on rows of outputs, in place. */
export function activate(
  { network, activation }: TaggerContent,
  rows: number,
  pointer: number,
): void {
  const { softmax_rows, log_softmax_rows } = outputKernels(network.engine);
  const ny = network.dense.outputSize;
  if (activation === "softmax") softmax_rows(rows, ny, pointer, pointer);
  if (activation === "logSoftmax") log_softmax_rows(rows, ny, pointer, pointer);
}

/** The index of the largest of ny values, the first of equal ones. */
export function classOf(data: Float64Array, first: number, ny: number): number {
  let best = 0;
  for (let j = 1; j < ny; j++) {
    if ((data[first + j] as number) > (data[first + best] as number)) best = j;
  }
  return best;
}

/** The result for rows of outputs; their normalisation is undone in place. */
export function taggedOf({ classes: names, targetNormalisation }: TaggerContent, values: Tensor) {
  const [rows = 0, ny = 0] = values.shape;
  const { data } = values;
  const classes = new Int32Array(rows);
  for (let r = 0; r < rows; r++) classes[r] = classOf(data, r * ny, ny);
  if (targetNormalisation !== undefined) restore(data, targetNormalisation);
  const tagged: Tagged = { values, classes };
  if (names === undefined) return tagged;
  return { ...tagged, labels: Array.from(classes, (id) => names[id] ?? "") };
}
