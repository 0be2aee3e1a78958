import type { OutputKind } from "../description/description.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { Handle } from "../wasm/handle.js";
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
import { type Normalisation, normalised } from "./normalisation.js";
import {
  activate,
  type Given,
  openTagger,
  readInput,
  type Tagged,
  type TaggerContent,
  type TaggerInput,
  taggedOf,
} from "./tagger_content.js";
import { newTaggerStream, type TaggerStream } from "./tagger_stream.js";
import { checkRunOptions, type OnError, type Outcome, type RunOptions } from "./time_slices.js";
import type { Tokenizer } from "./vocabulary.js";

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

/** A network that gives each step, or each sequence, values and a class. Made by `loadTagger`. */
export class Tagger extends Handle {
  /** ny. */
  readonly outputSize: number;
  readonly output: OutputKind;
  readonly precision: Precision;
  /** The names of the ny outputs, if there are any. */
  readonly classes: readonly string[] | undefined;
  /** What is done to every row of features first: (x − mean) / scale. */
  readonly normalisation: Normalisation | undefined;
  /** What is undone on every row of values: value · scale + mean. */
  readonly targetNormalisation: Normalisation | undefined;
  /** What the model file does not say and was inferred, a sentence each. `verifyModel` shows whether it holds. */
  readonly assumptions: readonly string[];

  /** @internal */
  constructor(content: TaggerContent) {
    super("tagger", content);
    const { network, output, assumptions } = content;
    this.classes = content.classes;
    this.normalisation = content.normalisation;
    this.targetNormalisation = content.targetNormalisation;
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

  /**
   * A live stream of steps: the bits of `tag`, step by step. To be disposed of.
   *
   * @throws {TypeError} if a direction reads from the end, or the output is taken over all steps: `"mean"` and `"max"`
   */
  stream(): TaggerStream {
    return newTaggerStream(this, openTagger("stream", this));
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
    } else {
      const { normalisation } = this.#content;
      const features = normalisation === undefined ? given : normalised(given, normalisation);
      sequence = { steps: given.shape[0] as number, features };
    }
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
        activate(this.#content, rows, pointer);
        const source = engine.arena.f64(pointer, rows * ny);
        for (let r = 0; r < rows; r++) {
          const { data } = values[sequences[r] as number] as Tensor;
          data.set(source.subarray(r * ny, (r + 1) * ny), (steps[r] as number) * ny);
        }
      },
      finish: () => values.map((each) => taggedOf(this.#content, each)),
    };
  }
}
