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
import { Generator } from "./generator.js";
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

  readonly generate: NonNullable<Backend["generate"]>;
  readonly #generator: Generator;

  readonly #checkpointEvery: number | undefined;

  private constructor(pool: Pool, generator: Generator, checkpointEvery: number) {
    this.#pool = pool;
    this.#checkpointEvery = checkpointEvery === 0 ? undefined : checkpointEvery;
    this.#generator = generator;
    this.generate = (options, signal) => generator.generate(options, signal);
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
    const { workers, precision, unknown, checkpointEvery } = options;
    const pool = await createPool(file.description, {
      size: workers,
      precision,
      unknown,
      maxQueue: OPEN_CALLS,
    });
    return new LanguageBackend(
      pool,
      new Generator({ description: file.description, precision, unknown }),
      checkpointEvery,
    );
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
    return new LanguageBackendStream(
      this.#pool.stream({ from, checkpointEvery: this.#checkpointEvery }),
      from,
    );
  }

  async pushAll(
    pushes: readonly Push[],
    { states }: { readonly states: boolean },
  ): Promise<PushResult[]> {
    const streams: PoolStream[] = [];
    const ids: number[] = [];
    for (const { stream, steps } of pushes) {
      for (const step of steps) {
        streams.push((stream as LanguageBackendStream).inner);
        ids.push(step as number);
      }
    }
    // The state after each step would come; only that after the last one is wanted.
    const isSingle = streams.length === pushes.length;
    const pushed = await this.#pool.pushAll(streams, ids, {
      onError: "return",
      states: states && isSingle,
    });
    let at = 0;
    const results = pushes.map(({ steps }): PushResult => {
      const first = at;
      at += steps.length;
      for (let place = first; place < at && pushed.errors.size > 0; place++) {
        const error = pushed.errors.get(place);
        if (error !== undefined) return error;
      }
      const state = states && isSingle ? pushed.states[first] : undefined;
      return { results: Array.from(pushed.logProbs.subarray(first, at)), state };
    });
    if (!states || isSingle) return results;
    return Promise.all(
      results.map(async (result, k) => {
        if (result instanceof Error) return result;
        return (pushes[k] as Push).stream.state().then(
          (state) => ({ ...result, state }),
          (error: Error) => error,
        );
      }),
    );
  }

  stats(): BackendStats {
    return poolStats(this.#pool.stats());
  }

  async close({ drain }: { readonly drain: boolean }): Promise<void> {
    await Promise.all([this.#pool.close({ drain }), this.#generator.close()]);
  }
}

class LanguageBackendStream implements BackendStream {
  readonly inner: PoolStream;
  readonly opened: Promise<void>;

  /** @param from the state that it was opened in */
  constructor(inner: PoolStream, from?: Uint8Array) {
    this.inner = inner;
    // Bytes that are no state are the error of the first command.
    this.opened =
      from === undefined ? Promise.resolve() : inner.state.toBytes().then(() => undefined);
    // Whoever waits for it is told; nobody has to.
    this.opened.catch(() => undefined);
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
