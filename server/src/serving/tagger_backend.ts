import type { Score } from "recurra";
import { Problem } from "../problem.js";
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
import { notOffered } from "./offers.js";
import { type CrewLimits, ThreadCrew } from "./thread_backend.js";
import type { ThreadModel } from "./threads_protocol.js";

/** A tagger with its workers. */
export class TaggerBackend implements Backend {
  readonly info: ModelInfo;
  readonly #crew: ThreadCrew;
  readonly score: (
    sequences: readonly (string | readonly number[])[],
    options: CallOptions,
  ) => Promise<(Score | Error)[]> = notOffered("score", "tagger");
  readonly run = notOffered("run", "tagger");
  /** The ids of the tokens. */
  readonly #ids = new Map<string, number>();

  private constructor(crew: ThreadCrew) {
    this.#crew = crew;
    const { nx, ny = 0, tokens, vocabulary, labels, precision, assumptions } = crew.facts;
    for (const [id, token] of (vocabulary ?? []).entries())
      if (token !== undefined) this.#ids.set(token, id);
    const rows = { name: "input", datatype: "FP64", shape: [-1, nx ?? 0] } as const;
    const texts = { name: "text", datatype: "BYTES", shape: [-1] } as const;
    this.info = {
      kind: "tagger",
      inputs:
        nx !== undefined
          ? [rows]
          : [
              ...(vocabulary === undefined ? [] : [texts]),
              { name: "tokens", datatype: "INT64", shape: [-1] },
            ],
      outputs: [
        { name: "values", datatype: "FP64", shape: [-1, ny] },
        { name: "classes", datatype: "INT64", shape: [-1] },
        { name: "row_counts", datatype: "INT64", shape: [-1] },
        ...(labels === undefined
          ? []
          : [{ name: "labels", datatype: "BYTES", shape: [-1] } as const]),
      ],
      precision,
      assumptions,
      vocabulary,
      tokens,
      labels,
    };
  }

  static async open(
    model: Extract<ThreadModel, { kind: "tagger" }>,
    limits: CrewLimits,
  ): Promise<TaggerBackend> {
    return new TaggerBackend(await ThreadCrew.open(model, limits));
  }

  tag(
    sequences: readonly (string | readonly number[] | HostTensor)[],
    options: CallOptions,
  ): Promise<(TagResult | Error)[]> {
    return this.#crew.tag(sequences, options);
  }

  readSteps({ text, tokens, rows }: StepsGiven): readonly Step[] {
    const { nx } = this.#crew.facts;
    if (nx !== undefined) {
      if (rows === undefined) throw new Problem("invalid-request", "expected rows");
      return rows.map((row, t) => {
        if (row.length === nx) return Float64Array.from(row);
        throw new Problem(
          "invalid-sequence",
          `rows[${t}]: expected ${nx} numbers, got ${row.length}`,
        );
      });
    }
    const all = text === undefined ? tokens : [...text];
    if (all === undefined) throw new Problem("invalid-request", "expected text or tokens");
    return all.map((token, i) =>
      this.#id(token, `${text === undefined ? "tokens" : "text"}[${i}]`),
    );
  }

  #id(token: number | string, where: string): number {
    const size = this.info.tokens ?? 0;
    const id = typeof token === "number" ? token : this.#ids.get(token);
    if (id !== undefined && id < size) return id;
    if (typeof token === "number")
      throw new Problem(
        "invalid-sequence",
        `${where}: expected an id in 0 … ${size - 1}, got ${token}`,
      );
    throw new Problem(
      "unknown-token",
      `${where}: ${JSON.stringify(token.slice(0, 40))} is not in the vocabulary`,
    );
  }

  readStep(
    { width, data }: { readonly width: number; readonly data: Int32Array | Float32Array },
    i: number,
  ): readonly Step[] {
    if (data instanceof Int32Array) return this.readSteps({ tokens: [data[i] as number] });
    return this.readSteps({ rows: [Array.from(data.subarray(i * width, (i + 1) * width))] });
  }

  openStream(from?: Uint8Array): BackendStream {
    if (this.#crew.facts.isLive === true) return this.#crew.openStream(from);
    throw new Problem(
      "not-supported",
      "the tagger has to see the whole sequence: it has no streams",
    );
  }

  pushAll(pushes: readonly Push[], options: { readonly states: boolean }): Promise<PushResult[]> {
    return this.#crew.pushAll(pushes, options);
  }

  stats(): BackendStats {
    return this.#crew.stats();
  }

  close({ drain }: { readonly drain: boolean }): Promise<void> {
    return this.#crew.close(drain);
  }
}
