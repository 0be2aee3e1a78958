import { AbortedError, StateError } from "../errors.js";
import { checkObject, describe } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { Disposable, unwatch, watch } from "../wasm/handle.js";
import type { Network } from "./network.js";
import { type Score, scoreTasks, type Task } from "./score.js";
import { checkConcurrency, checkIterable, inOrder } from "./score_stream.js";
import { Stepper } from "./stepper.js";
import { checkStream, LanguageStream } from "./stream.js";
import {
  checkSlices,
  inSlices,
  Pace,
  type Progress,
  type SliceOptions,
  teller,
} from "./time_slices.js";
import type { Sequence, TokenOptions, Tokens } from "./tokens.js";
import type { Vocabulary } from "./vocabulary.js";

export interface LanguageModelOptions extends TokenOptions {
  /** The numbers of weights and states. `"f32"` is faster, and less exact. Default `"f64"`. */
  readonly precision?: Precision;
  /** The token that stands before every sequence, so that its first one is scored, too; where absent the metadata's `start`. */
  readonly start?: number | string;
}

export interface ScoreOptions extends SliceOptions {
  /** Told from time to time how many sequences are done. */
  readonly onProgress?: (progress: Progress) => void;
  /** The sequences go on where this stream is: what it has read is computed once for all of them. It stays where it is. */
  readonly from?: LanguageStream;
}

export interface ManyOptions extends Omit<ScoreOptions, "onProgress"> {
  /** The most sequences that are held at a time. Default 256. */
  readonly concurrency?: number | undefined;
}

/** Network and stepper, held together by whoever needs them. */
class Core extends Shared {
  readonly network: Network;
  readonly stepper: Stepper;

  constructor(network: Network) {
    super();
    this.network = network;
    this.stepper = new Stepper(network);
  }

  protected free(): void {
    this.stepper.release();
    this.network.release();
  }
}

/** A model that says how likely each token is after those before it. Made by `loadLanguageModel`. */
export class LanguageModel extends Disposable {
  /** @internal */
  readonly engine: Engine;
  readonly vocabulary: Vocabulary | undefined;
  /** How many tokens there are. */
  readonly size: number;
  readonly precision: Precision;
  /** The token before every sequence, if there is one. */
  readonly start: number | undefined;
  readonly #tokens: Tokens;
  readonly #core: Core;
  #hash: string | undefined;
  #disposed = false;

  /** Takes over the caller's ownership of the network. @internal */
  constructor(network: Network, tokens: Tokens, start: number | undefined) {
    super();
    this.engine = network.engine;
    this.vocabulary = tokens.vocabulary;
    this.#tokens = tokens;
    this.size = network.tokens;
    this.precision = network.dtype.precision;
    this.start = start;
    this.#core = new Core(network);
    watch(this, this.#core);
  }

  /** 16 hexadecimal digits that differ between models whose weights differ: states carry them. Computed at the first use. */
  get hash(): string {
    if (this.#hash === undefined) {
      this.open("hash");
      this.#hash = this.#core.network.hash();
    }
    return this.#hash;
  }

  /** @internal */
  get stepper(): Stepper {
    return this.#core.stepper;
  }

  /**
   * Scores sequences of any lengths, giving way to the event loop every few milliseconds. A sequence's bits depend neither
   * on the others nor on their number. What is disposed of meanwhile, the model or the stream to go on from, serves the
   * run to its end.
   *
   * @returns a score for each sequence, in order
   * @throws {TypeError | RangeError} for a sequence that is none, or a token that the model does not know
   * @throws {AbortedError} when `signal` ends it: `completed` holds the scores that were done
   */
  async score(sequences: readonly Sequence[], options: ScoreOptions = {}): Promise<Score[]> {
    const where = "score";
    this.#check(where, options);
    return this.#score(where, this.#encode(where, sequences), options);
  }

  /** As {@link score}, at once: for short work, workers and command lines. */
  scoreSync(sequences: readonly Sequence[], options: Pick<ScoreOptions, "from"> = {}): Score[] {
    const where = "scoreSync";
    this.#check(where, options);
    const encoded = this.#encode(where, sequences);
    const scores: Score[] = Array(encoded.length);
    const job = this.#job(encoded, options.from, (i, score) => {
      scores[i] = score;
    });
    for (const _ of job);
    return scores;
  }

  /**
   * Scores what comes, in order, in bounded memory: at most `concurrency` sequences are held, and what has arrived is
   * scored without waiting for more. A source that is left before its end is told so by its `return`.
   *
   * @throws whatever `score` throws, in the place of the sequence at fault, after all scores before it
   */
  scoreMany(
    sequences: AsyncIterable<Sequence> | Iterable<Sequence>,
    options: ManyOptions = {},
  ): AsyncGenerator<Score, void, void> {
    const where = "scoreMany";
    this.#check(where, options);
    checkIterable(sequences);
    checkConcurrency(options.concurrency);
    // The stream as it is now: nobody knows when the work begins.
    return this.#many(where, sequences, options, options.from?.fork());
  }

  async *#many(
    where: string,
    sequences: AsyncIterable<Sequence> | Iterable<Sequence>,
    { concurrency, signal, yieldEvery }: ManyOptions,
    from: LanguageStream | undefined,
  ): AsyncGenerator<Score, void, void> {
    const pace = new Pace(yieldEvery);
    const options = { signal, ...(from && { from }) };
    try {
      yield* inOrder(
        sequences,
        checkConcurrency(concurrency),
        (sequence, i) => this.#tokens.encode(where, `sequences[${i}]`, sequence),
        (some) => this.#score(where, some, options, pace),
        signal,
      );
    } finally {
      from?.dispose();
    }
  }

  /** A live stream of tokens. To be disposed of. */
  stream(): LanguageStream {
    this.open("stream");
    const block = this.allocate();
    return new LanguageStream(this, block, this.begin(block.pointer));
  }

  /** Gives the memory back. Afterwards every use throws a `StateError`; a second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    unwatch(this);
    this.#core.release();
    this.#disposed = true;
  }

  /** @internal */
  open(where: string): void {
    if (this.#disposed) throw new StateError(`${where}: the model is disposed`);
    void this.engine.kernels;
  }

  /** @internal */
  allocate(): Block {
    return this.engine.arena.allocate(this.stepper.stateBytes);
  }

  /** @internal */
  begin(pointer: number): boolean {
    const { stateBytes } = this.stepper;
    this.engine.arena.i32(pointer, stateBytes / Int32Array.BYTES_PER_ELEMENT).fill(0);
    if (this.start === undefined) return false;
    this.stepper.advance(pointer, this.start);
    return true;
  }

  /** @internal */
  tokenId(where: string, token: number | string): number {
    if (typeof token === "number" && Number.isInteger(token) && token >= 0 && token < this.size) {
      return token;
    }
    return this.#tokens.id(where, "token", token);
  }

  #check(where: string, options: ScoreOptions): void {
    this.open(where);
    checkObject(where, "options", options);
    checkSlices(where, options);
    const { from } = options;
    if (from === undefined) return;
    checkStream(where, from);
    from.at(where, this);
  }

  #encode(where: string, sequences: readonly Sequence[]): Int32Array[] {
    if (!Array.isArray(sequences)) {
      throw new TypeError(`${where}: sequences: expected an array, got ${describe(sequences)}`);
    }
    return sequences.map((sequence, i) => this.#tokens.encode(where, `sequences[${i}]`, sequence));
  }

  async #score(
    where: string,
    encoded: readonly Int32Array[],
    options: ScoreOptions,
    pace?: Pace,
  ): Promise<Score[]> {
    this.open(where);
    const total = encoded.length;
    const scores: (Score | undefined)[] = Array(total).fill(undefined);
    let done = 0;
    const job = this.#job(encoded, options.from, (i, score) => {
      scores[i] = score;
      done++;
    });
    const tell = teller(total, options.onProgress);
    const aborted = (reason: unknown) => new AbortedError<Score>(where, scores, reason);
    await inSlices(job, options, aborted, () => tell(done), pace);
    tell(done);
    return scores as Score[];
  }

  /** Scores sequences, where there is a stream from where it is when the job begins. */
  *#job(
    encoded: readonly Int32Array[],
    from: LanguageStream | undefined,
    done: (index: number, score: Score) => void,
  ): Generator<void, void, void> {
    const { network } = this.#core;
    if (from === undefined) {
      yield* scoreTasks(network, this.#fromStart(encoded), undefined, done);
      return;
    }
    // A copy, so that the stream may go on, or be disposed of, between two slices.
    const copy = from.fork();
    try {
      const { pointer, primed } = copy.at("score", this);
      const next = primed ? this.stepper.logProbs(pointer) : undefined;
      const tasks = encoded.map((tokens): Task => {
        const first = next?.[tokens[0] as number];
        return first === undefined ? { tokens } : { tokens, first };
      });
      yield* scoreTasks(network, tasks, this.stepper.statesAt(pointer), done);
    } finally {
      copy.dispose();
    }
  }

  #fromStart(encoded: readonly Int32Array[]): Task[] {
    const { start } = this;
    return encoded.map((tokens) => {
      if (start === undefined) return { tokens };
      const all = new Int32Array(tokens.length + 1);
      all[0] = start;
      all.set(tokens, 1);
      return { tokens: all };
    });
  }
}
