import { ShapeError } from "../errors.js";
import type { Bytes, BytesSource } from "../formats/bytes.js";
import type { GraphInputs, GraphOutputs } from "../graph/graph.js";
import type { AbortSignalLike, UrlLike } from "../host.js";
import { checkRunOptions } from "../model/time_slices.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe } from "../tensor.js";
import type { CallKind } from "./call_setup.js";
import { copyInputs, PoolGraphStream } from "./graph_stream.js";
import { checkStreamOptions, type PoolStreamOptions } from "./options.js";
import { PoolCore } from "./pool_core.js";
import type { PoolGraph, PushedInputs } from "./protocol.js";
import { pushToAll } from "./push_all.js";
import type { PushedStates } from "./push_call.js";
import type { PoolPushAllOptions } from "./push_options.js";
import { type GraphPoolOptions, graphSettings } from "./settings.js";
import { spawnForGraphs } from "./spawn.js";
import { WorkerPool } from "./worker_pool.js";

/** Options of `pool.run`. */
export interface PoolRunOptions {
  /** Ends the call: a run that a worker has begun is finished there, and dropped. */
  readonly signal?: AbortSignalLike | undefined;
}

/** What `pushAll` of a graph's pool gives. */
export interface PoolGraphPushed extends PushedStates {
  /** For each stream what its `push` gives; empty for one with an error. */
  readonly outputs: readonly GraphOutputs[];
}

const RUN_NAMES: OptionNames<PoolRunOptions> = { signal: true };

const RUNS: CallKind<GraphOutputs> = {
  method: "run",
  batch: "run",
  message: (id, [given]) => {
    return { kind: "run", id, inputs: (given as { readonly inputs: GraphInputs }).inputs };
  },
  unpack: (reply) => (reply.kind === "outputs" ? [reply.outputs] : undefined),
};

/** Workers that serve one ONNX graph. Made by `createGraphPool`. */
export class GraphPool extends WorkerPool {
  readonly model: PoolGraph;
  readonly #core: PoolCore;

  /** @internal */
  constructor(core: PoolCore) {
    super(core);
    this.#core = core;
    this.model = core.facts<PoolGraph>();
  }

  /**
   * Computes the outputs from the inputs, as `graph.run` does, at a worker that has room. Where no state is given, it is the first
   * push of a stream: states begin as zeros, and are not among the outputs.
   *
   * @throws {TypeError | ShapeError} for an input that is missing, of the wrong kind or shape
   * @throws {ModelFormatError} if the graph cannot be computed for these shapes
   * @throws {AbortedError} if `signal` aborts
   * @throws {QueueFullError} if `maxQueue` calls are open
   * @throws {WorkerLostError} if the workers that had the run ended, `tries` times
   */
  async run(inputs: GraphInputs, options: PoolRunOptions = {}): Promise<GraphOutputs> {
    const where = "run";
    checkOptions(where, options, RUN_NAMES);
    checkRunOptions(where, options);
    const given = [{ inputs: copyInputs(where, "inputs", inputs) }];
    const rest = { first: 0, onError: "throw", tokenizer: undefined } as const;
    const core = this.#core;
    return core.track(where, async () => {
      const plan = { kind: RUNS, where, given, ...rest, signal: options.signal };
      const [outputs] = await core.work(plan);
      return outputs as GraphOutputs;
    });
  }

  /** A live stream, at the worker that has the fewest: inputs named in `states` are fed by the push before. To be disposed of. */
  stream(options: PoolStreamOptions = {}): PoolGraphStream {
    const core = this.#core;
    return new PoolGraphStream(
      core,
      core.newStream("stream", checkStreamOptions("stream", options)),
    );
  }

  /**
   * Pushes inputs to each of many streams: one message to each worker, which computes them together where the graph allows it. A
   * stream may stand in the list several times; it takes its inputs in the order of the list.
   *
   * @param inputs one for each stream
   * @throws {TypeError | ShapeError | StateError} for something else than streams of this pool and inputs: no stream moves then,
   *   unless only the graph knows what is wrong; then the other streams have moved
   * @throws {StreamLostError} if the worker of a stream ended: the other streams have moved
   * @throws {AbortedError} if `signal` aborts: what a worker had by then was computed
   */
  async pushAll(
    streams: readonly PoolGraphStream[],
    inputs: readonly GraphInputs[],
    options: PoolPushAllOptions = {},
  ): Promise<PoolGraphPushed> {
    let outputs: GraphOutputs[] = [];
    const done = await pushToAll(this.#core, {
      streams,
      kind: PoolGraphStream,
      options,
      operand: "inputs",
      inputs: (count) => readInputs(inputs, count),
      results: (count) => {
        outputs = Array.from({ length: count }, () => ({}));
        return (place, reply, row) => {
          outputs[place] = (reply.outputs as readonly GraphOutputs[])[row] as GraphOutputs;
        };
      },
    });
    return { outputs, ...done };
  }
}

function readInputs(inputs: readonly GraphInputs[], count: number): GraphInputs[] {
  const where = "pushAll";
  if (!Array.isArray(inputs)) {
    throw new TypeError(`${where}: inputs: expected an array, got ${describe(inputs)}`);
  }
  if (inputs.length !== count) {
    const got = inputs.length;
    throw new ShapeError(`${where}: inputs: expected ${count}, one a stream, got ${got}`);
  }
  return inputs.map((each: GraphInputs, i) => copyInputs(`${where}: inputs[${i}]`, "inputs", each));
}

/** Inputs are posted as they are. */
const packInputs = (inputs: readonly unknown[]): PushedInputs => inputs as readonly GraphInputs[];

/**
 * Starts workers that serve one ONNX graph, each with an engine of its own. Resolves when all of them are ready.
 *
 * @param source an ONNX file: its bytes, a `Response` or a `Blob`, or its address
 * @throws the errors of `openGraph`
 * @throws {FeatureError} if a worker does not start: the message tells how to name its script
 */
export async function createGraphPool(
  source: Bytes | BytesSource | UrlLike | string,
  options: GraphPoolOptions = {},
): Promise<GraphPool> {
  const where = "createGraphPool";
  const settings = graphSettings(where, options);
  const [serves, spawn, pack] = ["graph" as const, spawnForGraphs, packInputs];
  return new GraphPool(await PoolCore.open({ where, source, settings, serves, spawn, pack }));
}
