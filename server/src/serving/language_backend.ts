import type { Score } from "recurra";
import { createPool, type Pool, type PoolStream } from "recurra/pool";
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
import { notOffered, OPEN_CALLS, type OpenOptions, poolStats } from "./offers.js";
import { PooledStreams } from "./pooled_streams.js";
import { readId, readTokens } from "./token_steps.js";

/** A language model with its workers. */
export class LanguageBackend implements Backend {
  readonly info: ModelInfo;
  readonly #pool: Pool;
  readonly run = notOffered("run", "language model");
  readonly tag = notOffered("tag", "language model");

  readonly generate: NonNullable<Backend["generate"]>;
  readonly #generator: Generator;

  readonly #streams: PooledStreams<PoolStream>;

  private constructor(pool: Pool, generator: Generator, checkpointEvery: number) {
    this.#pool = pool;
    this.#streams = new PooledStreams(
      {
        stream: (options) => pool.stream(options),
        pushAll: async (streams, steps, { states }) => {
          const ids = steps as readonly number[];
          const pushed = await pool.pushAll(streams, ids, { states, onError: "return" });
          return { ...pushed, results: Array.from(pushed.logProbs) };
        },
      },
      checkpointEvery,
    );
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
    options: OpenOptions,
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

  readSteps(given: StepsGiven): readonly number[] {
    return readTokens(given, this.#pool.model);
  }

  readStep(frame: { readonly data: Int32Array | Float32Array }, i: number): readonly number[] {
    return [readId(frame, i, this.#pool.model.size)];
  }

  openStream(from?: Uint8Array): BackendStream {
    return this.#streams.open(from);
  }

  pushAll(pushes: readonly Push[], options: { readonly states: boolean }): Promise<PushResult[]> {
    return this.#streams.pushAll(pushes, options);
  }

  stats(): BackendStats {
    return poolStats(this.#pool.stats());
  }

  async close({ drain }: { readonly drain: boolean }): Promise<void> {
    await Promise.all([this.#pool.close({ drain }), this.#generator.close()]);
  }
}
