import { createEngine } from "recurra";
import {
  type Graph,
  type GraphInputs,
  type GraphOutputs,
  type GraphPort,
  type GraphStream,
  openGraph,
} from "recurra/onnx";
import { ServedStream } from "./served_stream.js";
import type { PortFacts, SentStep, Tensors, ThreadFacts, ThreadModel } from "./threads_protocol.js";

/** A graph at its worker. */
export class ServedGraph {
  readonly facts: ThreadFacts;
  readonly #graph: Graph;
  readonly #states: Readonly<Record<string, string>>;

  private constructor(
    graph: Graph,
    inputs: Readonly<Record<string, number | readonly number[]>>,
    states: Readonly<Record<string, string>>,
  ) {
    this.#graph = graph;
    this.#states = states;
    const ports = (all: Readonly<Record<string, GraphPort>>): PortFacts[] =>
      Object.entries(all).map(([name, { type, shape }]) => {
        const known = inputs[name];
        const extents = Array.isArray(known) ? known : (shape ?? []);
        return {
          name,
          type,
          shape: extents.map((each: unknown) => (typeof each === "number" ? each : -1)),
        };
      });
    this.facts = {
      assumptions: [],
      precision: graph.precision,
      inputs: ports(graph.inputs),
      outputs: ports(graph.outputs),
      states,
    };
  }

  static async open({
    bytes,
    precision,
    inputs = {},
    states,
  }: Extract<ThreadModel, { kind: "graph" }>): Promise<ServedGraph> {
    const graph = openGraph(await createEngine(), bytes, { inputs, precision });
    const found = states ?? statesOf(Object.keys(graph.inputs), Object.keys(graph.outputs));
    // Names that the graph does not have are told at once.
    if (Object.keys(found).length > 0) graph.stream(found).dispose();
    return new ServedGraph(graph, inputs, found);
  }

  /** Without the states a run begins where a stream does: at zeros. */
  run(inputs: Tensors): Tensors {
    const given = Object.keys(this.#states).some((name) => name in inputs);
    if (given || Object.keys(this.#states).length === 0)
      return plain(this.#graph.run(inputs as GraphInputs));
    const stream = this.#graph.stream(this.#states);
    try {
      return plain(stream.push(inputs as GraphInputs));
    } finally {
      stream.dispose();
    }
  }

  stream(): ServedStream<GraphStream> {
    return new ServedStream(this.#graph.stream(this.#states));
  }

  pushAll(streams: readonly ServedStream<GraphStream>[], steps: readonly SentStep[]): Tensors[] {
    const inner = streams.map((stream) => stream.inner);
    return this.#graph
      .pushAll(inner, steps as readonly GraphInputs[])
      .map((outputs) => this.#open(outputs));
  }

  /** The outputs that are not states. */
  #open(outputs: GraphOutputs): Tensors {
    const fed = new Set(Object.values(this.#states));
    return plain(Object.fromEntries(Object.entries(outputs).filter(([name]) => !fed.has(name))));
  }
}

const plain = (outputs: GraphOutputs): Tensors =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, data }]) => [name, { shape, data }]),
  );

/** The output that feeds each input from step to step, by the names that exporters give: state and stateN, h and hn, c and c_out. */
function statesOf(inputs: readonly string[], outputs: readonly string[]): Record<string, string> {
  const fed: Record<string, string> = {};
  for (const name of inputs) {
    const found = [
      `${name}N`,
      `${name}n`,
      `${name}_n`,
      `${name}_out`,
      `new_${name}`,
      `next_${name}`,
    ].find((each) => outputs.includes(each));
    if (found !== undefined) fed[name] = found;
  }
  return fed;
}
