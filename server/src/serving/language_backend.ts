import type { Score } from "recurra";
import { createPool, type Pool, type PoolStream } from "recurra/pool";
import { Problem } from "../problem.js";
import type {
  Backend,
  BackendStats,
  BackendStream,
  CallOptions,
  ModelInfo,
  Push,
  PushResult,
  StepsGiven,
} from "./backend.js";
import type { ModelFile } from "./model_file.js";
import { notOffered, poolStats } from "./offers.js";

/** Calls that a pool may have open: the server bounds them itself, before they reach the pool. */
const OPEN_CALLS = 1_000_000;

/** A language model with its workers. */
export class LanguageBackend implements Backend {
  readonly info: ModelInfo;
  readonly #pool: Pool;
  readonly run = notOffered("run", "language model");
  readonly tag = notOffered("tag", "language model");

  private constructor(pool: Pool) {
    this.#pool = pool;
    const { vocabulary, size, precision, assumptions } = pool.model;
    this.info = {
      kind: "language",
      inputs: [
        ...(vocabulary === undefined
          ? []
          : [{ name: "text", datatype: "BYTES", shape: [-1] } as const]),
        { name: "tokens", datatype: "INT64", shape: [-1] },
      ],
      outputs: [
        { name: "log_prob", datatype: "FP64", shape: [-1] },
        { name: "token_log_probs", datatype: "FP64", shape: [-1] },
        { name: "token_counts", datatype: "INT64", shape: [-1] },
      ],
      precision,
      assumptions,
      vocabulary: vocabulary?.tokens,
      tokens: size,
    };
  }

  static async open(
    file: ModelFile & { readonly kind: "language" | "tagger" },
    options: {
      readonly workers: number;
      readonly precision?: "f64" | "f32" | undefined;
      readonly unknown?: string | number | undefined;
      readonly checkpointEvery: number;
    },
  ): Promise<LanguageBackend> {
    const { workers, precision, unknown } = options;
    const pool = await createPool(file.description, {
      size: workers,
      precision,
      unknown,
      maxQueue: OPEN_CALLS,
    });
    return new LanguageBackend(pool);
  }

  score(
    sequences: readonly (string | readonly number[])[],
    { signal }: CallOptions,
  ): Promise<(Score | Error)[]> {
    return this.#pool.score(sequences, { signal, onError: "return" });
  }

  readSteps({ text, tokens }: StepsGiven): readonly number[] {
    const { vocabulary, size } = this.#pool.model;
    if (text !== undefined) {
      if (vocabulary !== undefined) return Array.from(vocabulary.encode(text));
      throw new Problem("invalid-sequence", "text: the model has no vocabulary: give tokens");
    }
    if (tokens === undefined) throw new Problem("invalid-request", "expected text or tokens");
    return tokens.map((token, i) => {
      if (typeof token === "number") {
        if (token < size) return token;
        throw new Problem(
          "invalid-sequence",
          `tokens[${i}]: expected an id in 0 … ${size - 1}, got ${token}`,
        );
      }
      const ids = vocabulary?.encode(token) ?? [];
      if (ids.length === 1) return ids[0] as number;
      throw new Problem("invalid-sequence", `tokens[${i}]: expected one token of the vocabulary`);
    });
  }

  readStep({ data }: { readonly data: Int32Array | Float32Array }, i: number): readonly number[] {
    const { size } = this.#pool.model;
    const id = data[i] as number;
    if (data instanceof Int32Array && id >= 0 && id < size) return [id];
    throw new Problem("invalid-sequence", `expected ids in 0 … ${size - 1}, got ${id}`);
  }

  openStream(from?: Uint8Array): BackendStream {
    const stream = this.#pool.stream();
    return new LanguageBackendStream(stream, from && stream.state.fromBytes(from));
  }

  pushAll(
    pushes: readonly Push[],
    { states }: { readonly states: boolean },
  ): Promise<PushResult[]> {
    return Promise.all(
      pushes.map(async ({ stream, steps }) => {
        try {
          const { inner } = stream as LanguageBackendStream;
          const results = steps.map((step) => inner.push(step as number | string));
          return {
            results: await Promise.all(results),
            state: states ? await inner.state.toBytes() : undefined,
          };
        } catch (error) {
          return error as Error;
        }
      }),
    );
  }

  stats(): BackendStats {
    return poolStats(this.#pool.stats());
  }

  close({ drain }: { readonly drain: boolean }): Promise<void> {
    return this.#pool.close({ drain });
  }
}

class LanguageBackendStream implements BackendStream {
  readonly inner: PoolStream;
  readonly opened: Promise<void>;

  constructor(inner: PoolStream, opened: Promise<void> = Promise.resolve()) {
    this.inner = inner;
    this.opened = opened;
    // Whoever waits for it is told; nobody has to.
    opened.catch(() => undefined);
  }

  next(): Promise<Float64Array> {
    return this.inner.next();
  }

  fork(): BackendStream {
    return new LanguageBackendStream(this.inner.fork());
  }

  state(): Promise<Uint8Array> {
    return this.inner.state.toBytes();
  }

  close(): void {
    this.inner.dispose();
  }
}
