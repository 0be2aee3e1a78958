import type { DenseDescription, OutputKind } from "../description/description.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkShape, isNumbers, type Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { outputKernels } from "../wasm/kernel_sets.js";
import {
  type BatchResults,
  type IndexedError,
  type NetworkSequence,
  readAll,
  run,
  runAtOnce,
  runEach,
  type SequenceWork,
} from "./batching.js";
import type { Network } from "./network.js";
import { checkRunOptions, type OnError, type Outcome, type RunOptions } from "./time_slices.js";
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

/** Options of `tag`; `tagSync` takes `onError`. */
export interface TagOptions<E extends OnError = "throw"> extends RunOptions<E> {}

/** Options of `tagEach`. */
export interface TagEachOptions<E extends OnError = "throw">
  extends Omit<TagOptions<E>, "onProgress"> {}

/** The result of tagging a sequence of a list. */
export interface IndexedTagged {
  /** The place of the sequence in the list. */
  readonly index: number;
  readonly tagged: Tagged;
  readonly error?: undefined;
}

/** What `tagEach` gives for one sequence: with `onError: "return"` perhaps an error. */
export type EachTagged<E extends OnError> =
  | IndexedTagged
  | (E extends "return" ? IndexedError & { readonly tagged?: undefined } : never);

const SYNC_NAMES = { onError: true } as const;
const EACH_NAMES: OptionNames<TagEachOptions> = { onError: true, signal: true, yieldEvery: true };
const TAG_NAMES: OptionNames<TagOptions> = {
  onError: true,
  signal: true,
  yieldEvery: true,
  onProgress: true,
};

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

  /** Takes over the caller's ownership of the network. */
  constructor(
    network: Network,
    tokenizer: Tokenizer | undefined,
    options: Pick<TaggerContent, "output" | "activation" | "classes" | "hint" | "assumptions">,
  ) {
    super();
    this.network = network;
    this.tokenizer = tokenizer;
    this.output = options.output;
    this.activation = options.activation;
    this.classes = options.classes;
    this.hint = options.hint;
    this.assumptions = options.assumptions;
  }

  protected free(): void {
    this.network.release();
  }
}

/** A network that gives each step, or each sequence, values and a class. Made by `loadTagger`. */
export class Tagger extends Handle {
  /** ny. */
  readonly outputSize: number;
  readonly output: OutputKind;
  readonly precision: Precision;
  /** What the model file does not say and was inferred, a sentence each. `verifyModel` shows whether it holds. */
  readonly assumptions: readonly string[];

  /** @internal */
  constructor(content: TaggerContent) {
    super("tagger", content);
    const { network, output, assumptions } = content;
    this.outputSize = network.dense.outputSize;
    this.output = output;
    this.precision = network.dtype.precision;
    this.assumptions = assumptions;
  }

  /**
   * Tags sequences of any lengths; the event loop gets a turn every few milliseconds. The bits of a result do not depend on
   * the other sequences. The sequences are copied first.
   *
   * @param sequences texts or ids, or tensors (T, nx), as the network takes them
   * @returns a result for each sequence, in order; with `onError: "return"` an error for each that cannot be tagged
   * @throws {TypeError | RangeError} for a value that is no sequence of this network
   * @throws {AbortedError} if `signal` aborts: `completed` holds the results that were done
   */
  async tag<E extends OnError = "throw">(
    sequences: readonly TaggerInput[],
    options: TagOptions<E> = {},
  ): Promise<Outcome<Tagged, E>[]> {
    const where = "tag";
    checkOptions(where, options, TAG_NAMES);
    checkRunOptions(where, options);
    const content = openTagger(where, this);
    const given = readAll(where, sequences, (...each) =>
      copyOf(readInput(where, content, ...each)),
    );
    return run(where, new TagWork(where, content, given), options);
  }

  /**
   * As {@link tag}, but gives each result as soon as it is there, with the place of its sequence: short sequences do not wait
   * for long ones. Leaving the loop ends the work.
   *
   * @throws {TypeError | RangeError} as `tag`, before the first result, unless `onError` is `"return"`
   * @throws {AbortedError} if `signal` aborts, after all results that were done
   */
  tagEach<E extends OnError = "throw">(
    sequences: readonly TaggerInput[],
    options: TagEachOptions<E> = {},
  ): AsyncGenerator<EachTagged<E>, void, void> {
    const where = "tagEach";
    checkOptions(where, options, EACH_NAMES);
    checkRunOptions(where, options);
    const content = openTagger(where, this);
    const given = readAll(where, sequences, (...each) =>
      copyOf(readInput(where, content, ...each)),
    );
    return this.#tagEach(where, given, options);
  }

  async *#tagEach<E extends OnError>(
    where: string,
    given: readonly (Given | Error)[],
    options: TagEachOptions<E>,
  ): AsyncGenerator<EachTagged<E>, void, void> {
    const work = new TagWork(where, openTagger(where, this), given);
    yield* runEach(where, work, options, (index, result) => {
      const entry = result instanceof Error ? { index, error: result } : { index, tagged: result };
      return entry as EachTagged<E>;
    });
  }

  /** As {@link tag}, without giving way. */
  tagSync<E extends OnError = "throw">(
    sequences: readonly TaggerInput[],
    options: Pick<TagOptions<E>, "onError"> = {},
  ): Outcome<Tagged, E>[] {
    const where = "tagSync";
    checkOptions(where, options, SYNC_NAMES);
    checkRunOptions(where, options);
    const content = openTagger(where, this);
    const given = readAll(where, sequences, (...each) => readInput(where, content, ...each));
    return runAtOnce(new TagWork(where, content, given), options);
  }
}

/** The content of a tagger. @throws {StateError} if it or its engine is disposed */
export function openTagger(where: string, tagger: Tagger): TaggerContent {
  const content = contentOf<TaggerContent>(where, tagger);
  content.network.engine.checkOpen();
  return content;
}

type Features = Tensor<Float64Array | Float32Array>;
/** A sequence that was checked. */
type Given = string | Int32Array | Features;

/** Checks a sequence. */
export function readInput(
  where: string,
  { network, tokenizer, hint }: TaggerContent,
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

/** A copy of features: the caller's may change during a pause. */
function copyOf(sequence: Given): Given {
  if (typeof sequence === "string" || sequence instanceof Int32Array) return sequence;
  return { shape: [...sequence.shape], data: sequence.data.slice() };
}

/** Tags sequences. */
export class TagWork implements SequenceWork<Tagged> {
  readonly network: Network;
  readonly count: number;
  readonly output: OutputKind;
  readonly #where: string;
  readonly #content: TaggerContent;
  readonly #given: readonly (Given | Error)[];
  /** The steps of each sequence. */
  readonly #steps: number[] = [];

  constructor(where: string, content: TaggerContent, given: readonly (Given | Error)[]) {
    this.network = content.network;
    this.count = given.length;
    this.output = content.output;
    this.#where = where;
    this.#content = content;
    this.#given = given;
  }

  *read(i: number): Generator<void, NetworkSequence, void> {
    const given = this.#given[i] as Given | Error;
    if (given instanceof Error) throw given;
    let sequence: NetworkSequence;
    if (typeof given === "string" || given instanceof Int32Array) {
      const { tokenizer } = this.#content;
      const tokens = yield* (tokenizer as Tokenizer).encode(this.#where, `sequences[${i}]`, given);
      const units = typeof given === "string" ? given.length : 0;
      sequence = { steps: tokens.length, tokens, units };
    } else sequence = { steps: given.shape[0] as number, features: given };
    this.#steps[i] = sequence.steps;
    return sequence;
  }

  begin(members: readonly number[]): BatchResults<Tagged> {
    const { engine, dense } = this.network;
    const { outputSize: ny } = dense;
    const values = members.map((i): Tensor => {
      const rows = this.output === "steps" ? (this.#steps[i] as number) : 1;
      return { shape: [rows, ny], data: new Float64Array(rows * ny) };
    });
    return {
      take: ({ rows, pointer, sequences, steps }) => {
        this.#normalize(rows, pointer);
        const source = engine.arena.f64(pointer, rows * ny);
        for (let r = 0; r < rows; r++) {
          const { data } = values[sequences[r] as number] as Tensor;
          data.set(source.subarray(r * ny, (r + 1) * ny), (steps[r] as number) * ny);
        }
      },
      finish: () => values.map((each) => this.#tagged(each)),
    };
  }

  #normalize(rows: number, pointer: number): void {
    const { engine, dense } = this.network;
    const { activation } = this.#content;
    const { softmax_rows, log_softmax_rows } = outputKernels(engine);
    if (activation === "softmax") softmax_rows(rows, dense.outputSize, pointer, pointer);
    if (activation === "logSoftmax") log_softmax_rows(rows, dense.outputSize, pointer, pointer);
  }

  #tagged(values: Tensor): Tagged {
    const [rows = 0, ny = 0] = values.shape;
    const { data } = values;
    const classes = new Int32Array(rows);
    for (let r = 0; r < rows; r++) {
      let best = 0;
      for (let j = 1; j < ny; j++) {
        if ((data[r * ny + j] as number) > (data[r * ny + best] as number)) best = j;
      }
      classes[r] = best;
    }
    const { classes: names } = this.#content;
    if (names === undefined) return { values, classes };
    return { values, classes, labels: Array.from(classes, (id) => names[id] ?? "") };
  }
}
