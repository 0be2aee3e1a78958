import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type ModelDescription,
  ModelFormatError,
  type Score,
  UnknownTokenError,
  type VocabularySource,
} from "recurra";
import { createPool, type Pool, type PoolOptions, WorkerLostError } from "recurra/pool";
import { Problem } from "../problem.js";
import { readModelFile } from "../serving/model_file.js";
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
  const { hash } = await readModel(path);
  return {
    path: resolve(path),
    sha256: hash,
    ...options,
    ...(vocabulary === undefined ? {} : { vocabulary: await vocabularyFile(vocabulary) }),
  };
}

async function vocabularyFile(path: string): Promise<{ path: string; sha256: string }> {
  const bytes = await withFile(path, () => readFile(path));
  return { path: resolve(path), sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Reads a language model of any format. @throws {JobError} */
async function readModel(path: string): Promise<{ hash: string; description: ModelDescription }> {
  try {
    const file = await readModelFile(path, "language");
    return file as typeof file & { readonly kind: "language" };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new JobError("model", error.message);
  }
}

/** @throws {JobError} if a file is not the one that the job was planned with */
function checkHash(file: { path: string; sha256: string }, found: string): void {
  if (found === file.sha256) return;
  const what = `expected the file with SHA-256 ${file.sha256}, got ${found}`;
  throw new JobError("model-changed", `${file.path}: ${what}: start a new job`);
}

async function vocabularyOf(file: { path: string; sha256: string }): Promise<VocabularySource> {
  checkHash(file, (await vocabularyFile(file.path)).sha256);
  try {
    return JSON.parse(await readFile(file.path, "utf8")) as VocabularySource;
  } catch {
    throw new JobError("model", `${file.path}: expected JSON: { token: id } or a list of tokens`);
  }
}

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
    const { hash, description } = await readModel(path);
    checkHash(model, hash);
    const options: PoolOptions = {
      precision,
      ...(vocabulary === undefined ? {} : { vocabulary: await vocabularyOf(vocabulary) }),
      ...(unknown === undefined ? {} : { unknown }),
      ...(size === undefined ? {} : { size }),
    };
    try {
      return new Scorer(await createPool(description, options));
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
