import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ModelFormatError, type Score, UnknownTokenError, type VocabularySource } from "recurra";
import { createPool, type Pool, type PoolOptions, WorkerLostError } from "recurra/pool";
import { JobError, withFile } from "./errors.js";
import type { JobModel } from "./plan.js";
import type { InputRecord, Sequence } from "./records.js";

/** A record with its score, or with the reason why it has none. */
export type Outcome =
  | { readonly line: number; readonly score: Score }
  | { readonly line: number; readonly reason: string };

/** How a model is opened, with a vocabulary's path. */
export interface ModelRequest extends Pick<JobModel, "precision" | "unknown"> {
  readonly vocabulary?: string;
}

/** A model file, and the file of its vocabulary, as their bytes are now. */
export async function modelOf(path: string, request: ModelRequest): Promise<JobModel> {
  const { vocabulary, ...options } = request;
  const file = await fileOf(path);
  return { ...file, ...options, ...(vocabulary ? { vocabulary: await fileOf(vocabulary) } : {}) };
}

async function fileOf(path: string): Promise<{ path: string; sha256: string }> {
  return { path: resolve(path), sha256: sha256(await withFile(path, () => readFile(path))) };
}

/** The bytes of a file. @throws {JobError} if they are not those that the job was planned with */
async function checkedBytes(file: { path: string; sha256: string }): Promise<Buffer> {
  const bytes = await withFile(file.path, () => readFile(file.path));
  const found = sha256(bytes);
  if (found === file.sha256) return bytes;
  const what = `expected the file with SHA-256 ${file.sha256}, got ${found}`;
  throw new JobError("model-changed", `${file.path}: ${what}: start a new job`);
}

async function vocabularyOf(file: { path: string; sha256: string }): Promise<VocabularySource> {
  const bytes = await checkedBytes(file);
  try {
    return JSON.parse(bytes.toString("utf8")) as VocabularySource;
  } catch {
    throw new JobError("model", `${file.path}: expected JSON: { token: id } or a list of tokens`);
  }
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Scores records on all cores; the kernels run in workers, so that this thread answers at once. */
export class Scorer {
  readonly #pool: Pool;

  private constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * Starts the workers.
   *
   * @param size the number of workers; default: the cores of the machine
   * @throws {JobError} if the file is not the one that the job was planned with
   */
  static async open(model: JobModel, size?: number): Promise<Scorer> {
    const { path, precision, unknown, vocabulary } = model;
    const bytes = await checkedBytes(model);
    const options: PoolOptions = {
      precision,
      ...(vocabulary === undefined ? {} : { vocabulary: await vocabularyOf(vocabulary) }),
      ...(unknown === undefined ? {} : { unknown }),
      ...(size === undefined ? {} : { size }),
    };
    try {
      return new Scorer(await createPool(bytes, options));
    } catch (error) {
      const kinds = [ModelFormatError, TypeError, RangeError];
      if (!kinds.some((kind) => error instanceof kind)) throw error;
      throw new JobError("model", `${path}: ${(error as Error).message}`);
    }
  }

  /** The outcomes of records, in order. Holds a bounded number of records. */
  async *outcomes(
    records: Iterable<InputRecord>,
    signal?: AbortSignal,
  ): AsyncGenerator<Outcome, void, void> {
    // What was read and has no score yet.
    const waiting: InputRecord[] = [];
    const read = this.#read.bind(this);
    function* sequences(): Generator<Int32Array> {
      for (const record of records) {
        const ids = read(record);
        waiting.push(typeof ids === "string" ? { line: record.line, reason: ids } : record);
        if (typeof ids !== "string") yield ids;
      }
    }
    function* failed(): Generator<Outcome> {
      for (let [next] = waiting; next !== undefined && "reason" in next; [next] = waiting) {
        waiting.shift();
        yield next;
      }
    }
    const options = { onError: "return", signal } as const;
    for await (const result of this.#pool.scoreMany(sequences(), options)) {
      yield* failed();
      const { line } = waiting.shift() as InputRecord;
      yield result instanceof Error ? { line, reason: reasonOf(result) } : { line, score: result };
    }
    yield* failed();
  }

  async close(): Promise<void> {
    await this.#pool.close({ drain: false });
  }

  /** The ids of a record, or the reason why it has none. */
  #read(record: InputRecord): Int32Array | string {
    return "reason" in record ? record.reason : this.#encode(record.sequence);
  }

  #encode(sequence: Sequence): Int32Array | string {
    const { size, vocabulary } = this.#pool.model;
    if (typeof sequence !== "string") {
      const wrong = sequence.find((id) => id < 0 || id >= size);
      if (wrong === undefined) return Int32Array.from(sequence);
      return `expected ids in 0 … ${size - 1}, got ${wrong}`;
    }
    if (vocabulary === undefined) return "the model has no vocabulary: expected a list of ids";
    try {
      return vocabulary.encode(sequence);
    } catch (error) {
      if (!(error instanceof UnknownTokenError)) throw error;
      const { character, position } = error;
      const place = [...sequence.slice(0, position)].length + 1;
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      return `${JSON.stringify(character)} (U+${code}), character ${place}, is not in the model's vocabulary`;
    }
  }
}

/** The reason in words that are the same in every run. */
function reasonOf(error: Error): string {
  if (error instanceof WorkerLostError) return "every worker that had the sequence ended";
  return error.message.replace(/^\w+: (?:sequences?\[?\d*\]?: )?/, "");
}
