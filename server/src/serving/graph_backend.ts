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
  TensorInfo,
} from "./backend.js";
import { notOffered } from "./offers.js";
import { type CrewLimits, ThreadCrew } from "./thread_backend.js";
import type { PortFacts, Tensors, ThreadModel } from "./threads_protocol.js";

/** An ONNX graph with its workers. */
export class GraphBackend implements Backend {
  readonly info: ModelInfo;
  readonly #crew: ThreadCrew;
  /** Inputs that a step of a stream is given: those that no output feeds. */
  readonly #open: readonly PortFacts[];
  readonly score: (
    sequences: readonly (string | readonly number[])[],
    options: CallOptions,
  ) => Promise<(Score | Error)[]> = notOffered("score", "graph");
  readonly tag: (
    sequences: readonly (string | readonly number[] | HostTensor)[],
    options: CallOptions,
  ) => Promise<(TagResult | Error)[]> = notOffered("tag", "graph");

  private constructor(crew: ThreadCrew) {
    this.#crew = crew;
    const { inputs = [], outputs = [], states = {}, precision } = crew.facts;
    this.#open = inputs.filter(({ name }) => !(name in states));
    const fed = new Set(Object.values(states));
    const infoOf = ({ name, type, shape }: PortFacts): TensorInfo => ({
      name,
      datatype:
        type === "float"
          ? precision === "f64"
            ? "FP64"
            : "FP32"
          : type === "int64"
            ? "INT64"
            : "BOOL",
      shape,
    });
    this.info = {
      kind: "graph",
      inputs: this.#open.map(infoOf),
      outputs: outputs.filter(({ name }) => !fed.has(name)).map(infoOf),
      precision,
      assumptions: [],
      vocabulary: undefined,
      tokens: undefined,
    };
  }

  static async open(
    model: Extract<ThreadModel, { kind: "graph" }>,
    limits: CrewLimits,
  ): Promise<GraphBackend> {
    return new GraphBackend(await ThreadCrew.open(model, limits));
  }

  run(inputs: Tensors, options: CallOptions): Promise<Tensors> {
    return this.#crew.run(inputs, options);
  }

  checkInputs(inputs: Tensors): void {
    for (const { name, shape } of this.#open) {
      const given = inputs[name];
      if (given === undefined) throw new Problem("invalid-tensor", `${name}: it is missing`);
      const fits =
        given.shape.length === shape.length &&
        shape.every((extent, i) => extent === -1 || extent === given.shape[i]);
      if (!fits)
        throw new Problem(
          "invalid-tensor",
          `${name}: expected shape (${shape.join(", ")}), got (${given.shape.join(", ")})`,
        );
    }
    const extra = Object.keys(inputs).find((name) =>
      this.#open.every((port) => port.name !== name),
    );
    if (extra === undefined) return;
    const names = this.#open.map(({ name }) => name).join(", ");
    throw new Problem("invalid-tensor", `inputs: expected ${names}, got ${extra.slice(0, 100)}`);
  }

  /** Lists of numbers take the shape of their input: one extent of it may be open. */
  readSteps({ inputs }: StepsGiven): readonly Step[] {
    if (inputs === undefined) throw new Problem("invalid-request", "expected inputs");
    return inputs.map((step) => {
      const tensors = Object.fromEntries(
        Object.entries(step).map(([name, list]) => [
          name,
          this.#tensor(name, Float64Array.from(list)),
        ]),
      );
      this.checkInputs(tensors);
      return tensors;
    });
  }

  #tensor(name: string, data: Float64Array | Float32Array): HostTensor {
    const { shape = [] } = this.#open.find((port) => port.name === name) ?? {};
    const known = shape.reduce(
      (product, extent) => (extent === -1 ? product : product * extent),
      1,
    );
    const free = shape.filter((extent) => extent === -1).length;
    const size = free === 1 ? data.length / known : 1;
    if (Number.isInteger(size) && known * size === data.length)
      return { shape: shape.map((extent) => (extent === -1 ? size : extent)), data };
    throw new Problem(
      "invalid-tensor",
      `${name}: expected numbers of shape (${shape.join(", ")}), got ${data.length}`,
    );
  }

  /** The numbers of a frame are those of the only input. */
  readStep(
    { width, data }: { readonly width: number; readonly data: Int32Array | Float32Array },
    i: number,
  ): readonly Step[] {
    const [only, ...others] = this.#open;
    if (only === undefined || others.length > 0 || data instanceof Int32Array) {
      throw new Problem(
        "not-supported",
        "frames: expected numbers, for a graph with one input that is no state",
      );
    }
    return [{ [only.name]: this.#tensor(only.name, data.slice(i * width, (i + 1) * width)) }];
  }

  openStream(from?: Uint8Array): BackendStream {
    if (Object.keys(this.#crew.facts.states ?? {}).length > 0) return this.#crew.openStream(from);
    throw new Problem(
      "not-supported",
      "the graph has no states: name them in the settings of the model",
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
