import { type Score, type Tagged, UnknownTokenError, type Vocabulary } from "recurra";
import {
  createPool,
  createTaggerPool,
  type Pool,
  type TaggerPool,
  WorkerLostError,
} from "recurra/pool";
import { fileOf, opening } from "./job_model.js";
import type { JobModel } from "./plan.js";
import type { InputRecord, Sequence } from "./records.js";

/** A record that was computed, or the reason why it was not. */
export type Outcome = { readonly record: InputRecord } & (
  | { readonly score: Score }
  | { readonly tagged: Tagged; readonly steps: number }
  | { readonly reason: string }
);

/** A sequence as workers take it. */
type Input = Int32Array | Exclude<Sequence, string | readonly number[]>;

/** A record on its way: with what workers take, or the reason why it has none. */
interface Waiting {
  readonly record: InputRecord;
  readonly read: Input | string;
  /** Whether workers have something of it. */
  readonly isSent: boolean;
}

/** Of so many records that fail in a row, workers get an empty sequence: its result lets the failures be written. */
const FAILURES = 32;

/** Scores or tags records on all cores; the kernels run in workers, so that this thread answers at once. */
export class Scorer {
  readonly #pool: Pool | TaggerPool;
  /** The number of tokens. */
  readonly #size: number;
  readonly #empty: Input;

  private constructor(pool: Pool | TaggerPool, { tagger }: JobModel) {
    this.#pool = pool;
    this.#size = "inputSize" in pool.model ? pool.model.inputSize : pool.model.size;
    const { width } = tagger ?? {};
    this.#empty =
      width === undefined ? new Int32Array(0) : { shape: [0, width], data: new Float64Array(0) };
  }

  /**
   * Starts the workers.
   *
   * @param size the number of workers; default: the cores of the machine
   * @throws {JobError} if the file is not the one that the job was planned with
   */
  static async open(model: JobModel, size?: number): Promise<Scorer> {
    const { description, options } = await fileOf(model);
    const all = { ...options, ...(size === undefined ? {} : { size }) };
    return opening(model.path, async () => {
      if (model.tagger === undefined) return new Scorer(await createPool(description, all), model);
      const pool = await createTaggerPool(description, { ...all, output: model.pooling });
      return new Scorer(pool, model);
    });
  }

  /** The outcomes of records, in order. Holds a bounded number of records. */
  async *outcomes(
    records: AsyncIterable<InputRecord>,
    signal?: AbortSignal,
  ): AsyncGenerator<Outcome, void, void> {
    // What was read and has no result yet.
    const waiting: Waiting[] = [];
    for await (const result of this.#results(this.#inputs(records, waiting), signal)) {
      yield* failuresOf(waiting);
      const { record, read } = waiting.shift() as Waiting;
      if (typeof read === "string") yield { record, reason: read };
      else if (result instanceof Error) yield { record, reason: reasonOf(result) };
      else if ("logProb" in result) yield { record, score: result };
      else yield { record, tagged: result, steps: stepsOf(read) };
    }
    yield* failuresOf(waiting);
  }

  async close(): Promise<void> {
    await this.#pool.close({ drain: false });
  }

  /** What workers get of records, which are noted. */
  async *#inputs(
    records: AsyncIterable<InputRecord>,
    waiting: Waiting[],
  ): AsyncGenerator<Input, void, void> {
    let failures = 0;
    for await (const record of records) {
      const read = this.#read(record);
      failures = typeof read === "string" ? failures + 1 : 0;
      const isSent = failures % FAILURES === 0;
      waiting.push({ record, read, isSent });
      if (isSent) yield typeof read === "string" ? this.#empty : read;
    }
  }

  #results(
    inputs: AsyncIterable<Input>,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Score | Tagged | Error> {
    const options = { onError: "return", signal } as const;
    const pool = this.#pool;
    if ("tagMany" in pool) return pool.tagMany(inputs, options);
    return pool.scoreMany(inputs as AsyncIterable<Int32Array>, options);
  }

  /** The ids or rows of a record, or the reason why it has none. */
  #read(record: InputRecord): Input | string {
    if ("reason" in record) return record.reason;
    const { sequence } = record;
    if (typeof sequence === "string") return this.#encode(sequence);
    if ("shape" in sequence) return sequence;
    const wrong = sequence.find((id) => id < 0 || id >= this.#size);
    if (wrong === undefined) return Int32Array.from(sequence);
    return `expected ids in 0 … ${this.#size - 1}, got ${wrong}`;
  }

  #encode(text: string): Int32Array | string {
    const vocabulary: Vocabulary | undefined = this.#pool.model.vocabulary;
    if (vocabulary === undefined) return "the model has no vocabulary: expected a list of ids";
    try {
      return vocabulary.encode(text);
    } catch (error) {
      if (!(error instanceof UnknownTokenError)) throw error;
      const { character, position } = error;
      const place = [...text.slice(0, position)].length + 1;
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      return `${JSON.stringify(character)} (U+${code}), character ${place}, is not in the model's vocabulary`;
    }
  }
}

/** The failures in front of the next record that workers have. */
function* failuresOf(waiting: Waiting[]): Generator<Outcome> {
  for (let [next] = waiting; next?.isSent === false; [next] = waiting) {
    waiting.shift();
    yield { record: next.record, reason: next.read as string };
  }
}

const stepsOf = (input: Input): number =>
  input instanceof Int32Array ? input.length : (input.shape[0] as number);

/** The reason in words that are the same in every run. */
function reasonOf(error: Error): string {
  if (error instanceof WorkerLostError) return "every worker that had the sequence ended";
  return error.message.replace(/^\w+: (?:sequences?\[?\d*\]?: )?/, "");
}
