import type { DenseDescription } from "../description/description.js";
import { AbortedError, StateError } from "../errors.js";
import { listInput } from "../layers/sequences.js";
import { Batch } from "../sequence/batch.js";
import { checkObject, checkShape, describe, type Tensor } from "../tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";
import { groupRows, groupsOf, runGroup } from "./batching.js";
import type { Network, NetworkInput } from "./network.js";
import { checkSlices, inSlices, type Progress, type SliceOptions, teller } from "./time_slices.js";
import type { Sequence, TokenOptions, Tokens } from "./tokens.js";

/** What one sequence is to a tagger: tokens, or numbers (T, nx). */
export type TaggerInput = Sequence | Tensor<Float64Array | Float32Array>;

export interface TaggerOptions extends TokenOptions {
  /** Default `"f64"`. */
  readonly precision?: Precision;
  /** An output for each step, or for the whole sequence from its end (of a direction that reads from the end: its beginning). Default: what the file says. */
  readonly output?: "steps" | "last";
  /** What follows the linear layers, in place of what the file says: `"softmax"` gives probabilities. */
  readonly activation?: "identity" | "softmax" | "logSoftmax";
  /** The classes' names. */
  readonly classes?: readonly string[];
}

/** What a tagger finds in a sequence. */
export interface Tagged {
  /** (T, ny), or for one output a sequence (1, ny). */
  readonly values: Tensor;
  /** The place of the largest value of each row, the first of equals. */
  readonly classes: Int32Array;
  /** Their names, if the tagger has some. */
  readonly labels?: readonly string[];
}

export interface TagOptions extends SliceOptions {
  /** Told from time to time how many sequences are done. */
  readonly onProgress?: (progress: Progress) => void;
}

type Encoded = Int32Array | Tensor<Float64Array | Float32Array>;

const lengthOf = (input: Encoded): number =>
  input instanceof Int32Array ? input.length : (input.shape[0] as number);

/** A network that gives each step, or each sequence, a class or values. Made by `loadTagger`. */
export class Tagger extends Disposable {
  /** ny. */
  readonly outputSize: number;
  readonly output: "steps" | "last";
  readonly precision: Precision;
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #tokens: Tokens | undefined;
  readonly #softmax: "softmax" | "logSoftmax" | undefined;
  readonly #classes: readonly string[] | undefined;
  #disposed = false;

  /** Takes over the caller's ownership of the network. @internal */
  constructor(
    network: Network,
    tokens: Tokens | undefined,
    output: "steps" | "last",
    activation: DenseDescription["activation"],
    classes: readonly string[] | undefined,
  ) {
    super();
    this.outputSize = network.dense.outputSize;
    this.output = output;
    this.precision = network.dtype.precision;
    this.#engine = network.engine;
    this.#network = network;
    this.#tokens = tokens;
    this.#softmax =
      activation === "softmax" || activation === "logSoftmax" ? activation : undefined;
    this.#classes = classes;
    watch(this, network);
  }

  /**
   * Tags sequences of any lengths, giving way to the event loop every few milliseconds. A sequence's bits do not depend on
   * the others.
   *
   * @param sequences texts or ids, or tensors (T, nx), as the network takes them
   * @throws {TypeError | RangeError} for a sequence that is none
   * @throws {AbortedError} when `signal` ends it: `completed` holds what was done
   */
  async tag(sequences: readonly TaggerInput[], options: TagOptions = {}): Promise<Tagged[]> {
    const where = "tag";
    checkObject(where, "options", options);
    checkSlices(where, options);
    const encoded = this.#encode(where, sequences);
    const results: (Tagged | undefined)[] = Array(encoded.length).fill(undefined);
    let done = 0;
    const job = this.#run(encoded, (i, tagged) => {
      results[i] = tagged;
      done++;
    });
    const tell = teller(encoded.length, options.onProgress);
    const aborted = (reason: unknown) => new AbortedError<Tagged>(where, results, reason);
    await inSlices(job, options, aborted, () => tell(done));
    tell(done);
    return results as Tagged[];
  }

  /** As {@link tag}, at once. */
  tagSync(sequences: readonly TaggerInput[]): Tagged[] {
    const encoded = this.#encode("tagSync", sequences);
    const results: Tagged[] = Array(encoded.length);
    for (const _ of this.#run(encoded, (i, tagged) => {
      results[i] = tagged;
    }));
    return results;
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    unwatch(this);
    this.#network.release();
    this.#disposed = true;
  }

  #encode(where: string, sequences: readonly TaggerInput[]): Encoded[] {
    if (this.#disposed) throw new StateError(`${where}: the tagger is disposed`);
    void this.#engine.kernels;
    if (!Array.isArray(sequences)) {
      throw new TypeError(`${where}: sequences: expected an array, got ${describe(sequences)}`);
    }
    const { features } = this.#network;
    return sequences.map((sequence: TaggerInput, i): Encoded => {
      const name = `sequences[${i}]`;
      if (this.#tokens !== undefined) {
        return this.#tokens.encode(where, name, sequence as Sequence);
      }
      const tensor = sequence as Tensor<Float64Array | Float32Array>;
      const numbers = tensor?.data instanceof Float32Array ? Float32Array : Float64Array;
      checkShape(
        where,
        name,
        tensor,
        ["T", "nx"],
        [undefined, features],
        " (from the model)",
        numbers,
      );
      return tensor;
    });
  }

  *#run(
    encoded: readonly Encoded[],
    done: (i: number, tagged: Tagged) => void,
  ): Generator<void, void, void> {
    this.#network.retain();
    try {
      for (const places of groupsOf(encoded.map(lengthOf), groupRows(this.#network))) {
        const group = places.map((i) => encoded[i] as Encoded);
        const values = yield* this.#runGroup(group);
        places.forEach((i, place) => {
          done(i, this.#tagged(values[place] as Tensor));
        });
      }
    } finally {
      this.#network.release();
    }
  }

  *#runGroup(group: readonly Encoded[]): Generator<void, Tensor[], void> {
    const batch = Batch.ragged(group.map(lengthOf));
    const ny = this.outputSize;
    const ofSteps = this.output === "steps";
    const values = group.map((each): Tensor => {
      const rows = ofSteps ? lengthOf(each) : 1;
      return { shape: [rows, ny], data: new Float64Array(rows * ny) };
    });
    // Where each row that comes out belongs.
    const placeOf = (place: number): number => batch.order?.[place] ?? place;
    const [sequences, steps] = [new Int32Array(batch.rows), new Int32Array(batch.rows)];
    batch.forEachRow(0, batch.T, (row, place, t) => {
      sequences[row] = placeOf(place);
      steps[row] = t;
    });
    const take = (first: number, rows: number, pointer: number): void => {
      this.#activate(rows, pointer);
      const source = this.#engine.arena.f64(pointer, rows * ny);
      for (let r = 0; r < rows; r++) {
        const row = first + r;
        const b = ofSteps ? (sequences[row] as number) : placeOf(row);
        const t = ofSteps ? (steps[row] as number) : 0;
        (values[b] as Tensor).data.set(source.subarray(r * ny, (r + 1) * ny), t * ny);
      }
    };
    yield* runGroup(this.#network, batch, this.#input(batch, group), { of: this.output, take });
    return values;
  }

  #input(batch: Batch, group: readonly Encoded[]): NetworkInput {
    if (this.#tokens === undefined) {
      const { features } = this.#network;
      const tensors = group as readonly Tensor<Float64Array | Float32Array>[];
      const rows = listInput(batch, tensors, features);
      return { rows: (target: Floats, first, last) => rows(target, first, last) };
    }
    const tokens = new Int32Array(batch.rows);
    batch.forEachRow(0, batch.T, (row, place, t) => {
      tokens[row] = (group[batch.order?.[place] ?? place] as Int32Array)[t] as number;
    });
    return { tokens };
  }

  #activate(rows: number, pointer: number): void {
    const { kernels } = this.#engine;
    if (this.#softmax === "softmax") {
      kernels.softmax_rows(rows, this.outputSize, pointer, pointer);
    } else if (this.#softmax === "logSoftmax") {
      kernels.log_softmax_rows(rows, this.outputSize, pointer, pointer);
    }
  }

  #tagged(values: Tensor): Tagged {
    const [rows = 0, ny = 0] = values.shape;
    const classes = new Int32Array(rows);
    for (let r = 0; r < rows; r++) {
      let best = 0;
      for (let j = 1; j < ny; j++) {
        if ((values.data[r * ny + j] as number) > (values.data[r * ny + best] as number)) best = j;
      }
      classes[r] = best;
    }
    if (this.#classes === undefined) return { values, classes };
    return { values, classes, labels: Array.from(classes, (id) => this.#classes?.[id] ?? "") };
  }
}
