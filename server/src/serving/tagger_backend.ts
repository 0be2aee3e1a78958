import type { TaggerInput } from "recurra";
import { createTaggerPool, type PoolTaggerStream, type TaggerPool } from "recurra/pool";
import { Problem } from "../problem.js";
import { Admission } from "./admission.js";
import type {
  Backend,
  BackendStats,
  BackendStream,
  CallOptions,
  HostTensor,
  ModelInfo,
  Push,
  PushResult,
  Step,
  StepsGiven,
  TagResult,
} from "./backend.js";
import type { ModelFile } from "./model_file.js";
import { notOffered, OPEN_CALLS, type OpenOptions, poolStats, withReason } from "./offers.js";
import { PooledStreams } from "./pooled_streams.js";
import { readId, readTokens } from "./token_steps.js";

/** A tagger with its workers. */
export class TaggerBackend implements Backend {
  readonly info: ModelInfo;
  readonly #pool: TaggerPool;
  readonly #streams: PooledStreams<PoolTaggerStream>;
  readonly #admission: Admission;
  /** The width of its rows; undefined if tokens go in. */
  readonly #nx: number | undefined;
  /** Whether the outputs of a step are known after it: only then are there streams. */
  readonly #isLive: boolean;
  readonly score = notOffered("score", "tagger");
  readonly run = notOffered("run", "tagger");

  private constructor(
    pool: TaggerPool,
    { takesRows, isLive }: { readonly takesRows: boolean; readonly isLive: boolean },
    { maxQueue, checkpointEvery }: OpenOptions,
  ) {
    const { inputSize, outputSize: ny, classes, precision, assumptions } = pool.model;
    this.#pool = pool;
    this.#nx = takesRows ? inputSize : undefined;
    this.#isLive = isLive;
    this.#admission = new Admission(maxQueue);
    this.#streams = new PooledStreams(
      {
        stream: (options) => pool.stream(options),
        pushAll: async (streams, steps, { states }) => {
          const given = steps as readonly (number | Float64Array)[];
          const pushed = await pool.pushAll(streams, given, { states, onError: "return" });
          const { data } = pushed.values;
          const results = given.map((_, i) => Float64Array.from(data.slice(i * ny, (i + 1) * ny)));
          return { ...pushed, results };
        },
      },
      checkpointEvery,
    );
    const vocabulary = pool.model.vocabulary?.tokens;
    const rows = { name: "input", datatype: "FP64", shape: [-1, inputSize] } as const;
    const texts = { name: "text", datatype: "BYTES", shape: [-1] } as const;
    const tokens = { name: "tokens", datatype: "INT64", shape: [-1] } as const;
    const labels = { name: "labels", datatype: "BYTES", shape: [-1] } as const;
    this.info = {
      kind: "tagger",
      inputs: takesRows ? [rows] : vocabulary === undefined ? [tokens] : [texts, tokens],
      outputs: [
        { name: "values", datatype: "FP64", shape: [-1, ny] },
        { name: "classes", datatype: "INT64", shape: [-1] },
        { name: "row_counts", datatype: "INT64", shape: [-1] },
        ...(classes === undefined ? [] : [labels]),
      ],
      precision,
      assumptions,
      vocabulary,
      tokens: takesRows ? undefined : inputSize,
      labels: classes,
    };
  }

  static async open(
    { description }: ModelFile & { readonly kind: "language" | "tagger" },
    options: OpenOptions & { readonly classes: readonly string[] | undefined },
  ): Promise<TaggerBackend> {
    const { workers: size, precision, unknown, classes } = options;
    const pool = await createTaggerPool(description, {
      size,
      precision,
      unknown,
      classes,
      maxQueue: OPEN_CALLS,
    });
    const takesRows = description.input.kind === "features";
    return new TaggerBackend(pool, { takesRows, isLive: await canStream(pool) }, options);
  }

  tag(
    sequences: readonly (string | readonly number[] | HostTensor)[],
    { signal }: CallOptions,
  ): Promise<(TagResult | Error)[]> {
    return this.#admission.admit(sequences.length, async () => {
      const usable = sequences.filter((each) => this.#takes(each)) as readonly TaggerInput[];
      const tags = this.#pool.tag(usable, { signal, onError: "return" });
      const results = (await withReason(signal, tags)).values();
      return sequences.map((each) =>
        this.#takes(each) ? (results.next().value as TagResult | Error) : this.#refusal(),
      );
    });
  }

  /** Whether a sequence is of the kind that the tagger reads: rows, or a text or ids. */
  #takes(sequence: string | readonly number[] | HostTensor): boolean {
    return (typeof sequence === "object" && "shape" in sequence) === (this.#nx !== undefined);
  }

  #refusal(): Problem {
    const nx = this.#nx;
    const expected =
      nx === undefined ? "a text or a list of ids" : `a list of rows of ${nx} numbers`;
    return new Problem("invalid-sequence", `the tagger reads ${expected}`);
  }

  readSteps(given: StepsGiven): readonly Step[] {
    const nx = this.#nx;
    if (nx === undefined) {
      const { vocabulary, inputSize: size } = this.#pool.model;
      return readTokens(given, { vocabulary, size });
    }
    const { rows } = given;
    if (rows === undefined) throw new Problem("invalid-request", "expected rows");
    return rows.map((row, t) => {
      if (row.length === nx) return Float64Array.from(row);
      throw new Problem(
        "invalid-sequence",
        `rows[${t}]: expected ${nx} numbers, got ${row.length}`,
      );
    });
  }

  readStep(
    frame: { readonly width: number; readonly data: Int32Array | Float32Array },
    i: number,
  ): readonly Step[] {
    if (this.#nx === undefined) return [readId(frame, i, this.#pool.model.inputSize)];
    const { width, data } = frame;
    return this.readSteps({ rows: [Array.from(data.subarray(i * width, (i + 1) * width))] });
  }

  openStream(from?: Uint8Array): BackendStream {
    if (this.#isLive) return this.#streams.open(from);
    throw new Problem(
      "not-supported",
      "the tagger has to see the whole sequence: it has no streams",
    );
  }

  pushAll(pushes: readonly Push[], options: { readonly states: boolean }): Promise<PushResult[]> {
    return this.#streams.pushAll(pushes, options);
  }

  stats(): BackendStats {
    return poolStats(this.#pool.stats());
  }

  close({ drain }: { readonly drain: boolean }): Promise<void> {
    return this.#pool.close({ drain });
  }
}

/** Whether streams can be made: the first command of one that cannot be made is an error. */
async function canStream(pool: TaggerPool): Promise<boolean> {
  const stream = pool.stream();
  try {
    await stream.state.toBytes();
    return true;
  } catch {
    return false;
  } finally {
    stream.dispose();
  }
}
