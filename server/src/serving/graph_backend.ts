import { createGraphPool, type GraphPool, type PoolGraphStream } from "recurra/pool";
import { Problem } from "../problem.js";
import type { ModelSettings } from "../settings.js";
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
  TensorInfo,
} from "./backend.js";
import { clientFault } from "./client_fault.js";
import { statesByName } from "./graph_states.js";
import { notOffered, OPEN_CALLS, type OpenOptions, poolStats, withReason } from "./offers.js";
import { PooledStreams } from "./pooled_streams.js";

type Tensors = Readonly<Record<string, HostTensor>>;
type GraphSettings = Pick<ModelSettings, "inputs" | "states">;

/** Of an input or output whose shape the file does not give: the protocol has no words for an open rank. */
const ANY_SHAPE: readonly number[] = [-1];

/** An ONNX graph with its workers. */
export class GraphBackend implements Backend {
  readonly info: ModelInfo;
  readonly #pool: GraphPool;
  readonly #streams: PooledStreams<PoolGraphStream>;
  readonly #admission: Admission;
  /** Inputs that a step of a stream is given: those that no output feeds. */
  readonly #open: readonly TensorInfo[];
  readonly score = notOffered("score", "graph");
  readonly tag = notOffered("tag", "graph");

  private constructor(
    pool: GraphPool,
    { inputs: known = {} }: GraphSettings,
    { maxQueue, checkpointEvery }: OpenOptions,
  ) {
    this.#pool = pool;
    this.#admission = new Admission(maxQueue);
    this.#streams = new PooledStreams(
      {
        stream: (options) => pool.stream(options),
        pushAll: async (streams, steps, { states }) => {
          const given = steps as readonly Tensors[];
          const pushed = await pool.pushAll(streams, given, { states, onError: "return" });
          return { ...pushed, results: pushed.outputs };
        },
      },
      checkpointEvery,
    );
    const { inputs, outputs, states, precision } = pool.model;
    const fed = new Set(Object.values(states));
    const datatypes = {
      float: precision === "f64" ? "FP64" : "FP32",
      int64: "INT64",
      bool: "BOOL",
    } as const;
    const infosOf = (ports: GraphPool["model"]["inputs"], skipped: (name: string) => boolean) =>
      Object.entries(ports).flatMap(([name, { type, shape }]): TensorInfo[] => {
        if (skipped(name)) return [];
        const extents = (known[name] ?? shape) as readonly unknown[] | undefined;
        const open = extents?.map((each) => (typeof each === "number" ? each : -1));
        return [{ name, datatype: datatypes[type], shape: open ?? ANY_SHAPE }];
      });
    this.#open = infosOf(inputs, (name) => name in states);
    this.info = {
      kind: "graph",
      inputs: this.#open,
      outputs: infosOf(outputs, (name) => fed.has(name)),
      precision,
      assumptions: [],
      vocabulary: undefined,
      tokens: undefined,
    };
  }

  static async open(
    bytes: Uint8Array,
    settings: GraphSettings,
    options: OpenOptions,
  ): Promise<GraphBackend> {
    const { inputs, states = statesByName(bytes) } = settings;
    const { workers: size, precision } = options;
    const maxQueue = OPEN_CALLS;
    const pool = await createGraphPool(bytes, { size, precision, inputs, states, maxQueue });
    return new GraphBackend(pool, settings, options);
  }

  async run(inputs: Tensors, { signal }: CallOptions): Promise<Tensors> {
    try {
      return await this.#admission.admit(1, () =>
        withReason(signal, this.#pool.run(inputs, { signal })),
      );
    } catch (error) {
      throw error instanceof Error ? clientFault(error) : error;
    }
  }

  checkInputs(inputs: Tensors): void {
    for (const { name, datatype, shape } of this.#open) {
      const given = inputs[name];
      if (given === undefined) throw new Problem("invalid-tensor", `${name}: it is missing`);
      const fits =
        shape === ANY_SHAPE ||
        (given.shape.length === shape.length &&
          shape.every((extent, i) => extent === -1 || extent === given.shape[i]));
      if (!fits)
        throw new Problem(
          "invalid-tensor",
          `${name}: expected shape (${shape.join(", ")}), got (${given.shape.join(", ")})`,
        );
      if (!/^FP/.test(datatype) && !areIntegers(given.data))
        throw new Problem("invalid-tensor", `${name}: expected integers`);
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
    if (Object.keys(this.#pool.model.states).length > 0) return this.#streams.open(from);
    throw new Problem(
      "not-supported",
      "the graph has no states: name them in the settings of the model",
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

const areIntegers = (data: HostTensor["data"]): boolean =>
  data instanceof BigInt64Array || data.every((each) => Number.isInteger(each));
