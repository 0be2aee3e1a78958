import type {
  Graph,
  GraphInputs,
  GraphOutputs,
  OpenGraphOptions,
  openGraph,
  StreamStates,
} from "../graph/graph.js";
import type { GraphStream } from "../graph/stream.js";
import type { PoolGraph, PushedInputs, RunReply } from "./protocol.js";
import { serve } from "./serve.js";
import type { PushTarget, Served } from "./served.js";

/** Serves a graph. */
class ServedGraph implements Served<GraphStream> {
  readonly facts: PoolGraph;
  readonly width = 0;
  readonly givesClasses = false;
  readonly givesOutputs = true;
  readonly #graph: Graph;

  constructor(graph: Graph, states: StreamStates) {
    const { inputs, outputs, precision } = graph;
    this.#graph = graph;
    this.facts = { inputs, outputs, states, precision };
    // Names that the graph does not have are told at once.
    graph.stream(states).dispose();
  }

  newStream(): GraphStream {
    return this.#graph.stream(this.facts.states);
  }

  push(
    streams: readonly GraphStream[],
    inputs: PushedInputs,
    rows: Int32Array,
    into: PushTarget,
  ): void {
    const given = Array.from(rows, (row) => inputs[row] as GraphInputs);
    const outputs = into.outputs as GraphOutputs[];
    try {
      const found = this.#graph.pushAll(streams, given);
      for (const [k, row] of rows.entries()) outputs[row] = found[k] as GraphOutputs;
      return;
    } catch {
      // One of them is at fault, and none has moved: each is pushed alone.
    }
    for (const [k, row] of rows.entries()) {
      try {
        outputs[row] = (streams[k] as GraphStream).push(given[k] as GraphInputs);
      } catch (error) {
        into.fail(row, error);
      }
    }
  }

  run(id: number, inputs: GraphInputs): RunReply {
    const names = Object.keys(this.facts.states);
    const isWhole = names.length === 0 || names.some((name) => inputs[name] !== undefined);
    const outputs = isWhole ? this.#graph.run(inputs) : this.#pushFirst(inputs);
    return { kind: "outputs", id, outputs };
  }

  /** The first push of a stream: states begin as zeros. */
  #pushFirst(inputs: GraphInputs): GraphOutputs {
    const stream = this.newStream();
    try {
      return stream.push(inputs);
    } catch (error) {
      if (error instanceof Error) error.message = error.message.replace(/^push:/, "run:");
      throw error;
    } finally {
      stream.dispose();
    }
  }
}

/**
 * Serves the pool of a graph: for the script of a worker that a program starts itself. It takes `openGraph`, so that only those
 * workers carry the compiler of graphs.
 *
 * @param open `openGraph` of recurra/onnx
 */
export function serveGraphs(open: typeof openGraph): void {
  serve(async (engine, { model, options }) => {
    const { states = {}, ...own } = options as OpenGraphOptions & { states?: StreamStates };
    return new ServedGraph(open(engine, model as Uint8Array, own), states);
  });
}
