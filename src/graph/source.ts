import { nameOf } from "../formats/onnx/file.js";
import {
  bodyFor,
  type FunctionProto,
  functionKey,
  parseFunctions,
} from "../formats/onnx/functions.js";
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  parseGraph,
} from "../formats/onnx/proto.js";
import type { TensorProto } from "../formats/onnx/tensor.js";
import { Wire } from "../formats/onnx/wire.js";
import type { Operator } from "./node.js";
import type { Value } from "./value.js";

/** Sub-graphs within sub-graphs. */
const MOST_NESTING = 32;

/** What a file says, and what it is walked with. */
export interface SourceContent {
  readonly model: ModelProto;
  readonly opset: number;
  readonly graph: GraphProto;
  /** The page that lists the operators, for messages. */
  readonly listed: string;
  readonly operatorOf: (name: string) => Operator | undefined;
  readonly read: (proto: TensorProto) => Value;
}

/** A file whose graph can be walked again and again, for other shapes. */
export class Source {
  readonly content: SourceContent;
  readonly #subGraphs = new Map<number, GraphProto>();
  readonly #makers = new Map<GraphProto, ReadonlyMap<string, number>>();
  readonly #free = new Map<GraphProto, ReadonlySet<string>>();
  readonly #bodies = new Map<NodeProto, GraphProto>();
  #functions: ReadonlyMap<string, FunctionProto> | undefined;

  constructor(content: SourceContent) {
    this.content = content;
  }

  fail(what: string, at: number): never {
    const { where, bytes } = this.content.model;
    return new Wire(where, bytes).fail("graph", what, at);
  }

  /** The sub-graph that is an attribute of a node. */
  subGraph(node: NodeProto, name: string): GraphProto {
    const { where, bytes } = this.content.model;
    const attribute = node.attributes.get(name);
    if (attribute?.g === undefined) {
      return new Wire(where, bytes).fail(
        "attribute",
        `${node.operator} ${JSON.stringify(nameOf(node))}: expected a graph ${name}, got none`,
        node.at,
      );
    }
    const { begin, end } = attribute.g;
    let graph = this.#subGraphs.get(begin);
    if (graph === undefined) {
      graph = parseGraph(new Wire(where, bytes, begin, end));
      this.#subGraphs.set(begin, graph);
    }
    return graph;
  }

  /** The place of the node that makes each name. */
  makers(graph: GraphProto): ReadonlyMap<string, number> {
    const known = this.#makers.get(graph);
    if (known !== undefined) return known;
    const makers = new Map<string, number>();
    graph.nodes.forEach(({ outputs, at }, i) => {
      for (const name of outputs) {
        if (makers.has(name)) this.fail(`${JSON.stringify(name)} is made twice`, at);
        if (name !== "") makers.set(name, i);
      }
    });
    this.#makers.set(graph, makers);
    return makers;
  }

  /** The names that a sub-graph takes from outside. */
  free(graph: GraphProto, depth = 0): ReadonlySet<string> {
    const known = this.#free.get(graph);
    if (known !== undefined) return known;
    if (depth > MOST_NESTING) {
      this.fail(`expected ≤ ${MOST_NESTING} graphs within graphs, got more`, graph.at);
    }
    const needed = new Set(graph.outputs.map(({ name }) => name));
    for (const node of [...graph.nodes].reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      for (const output of node.outputs) needed.delete(output);
      for (const input of node.inputs) if (input !== "") needed.add(input);
      for (const [name, { g }] of node.attributes) {
        if (g === undefined) continue;
        for (const each of this.free(this.subGraph(node, name), depth + 1)) needed.add(each);
      }
    }
    for (const name of graph.initializers.keys()) needed.delete(name);
    this.#free.set(graph, needed);
    return needed;
  }

  /** The function that a node stands for. */
  functionOf({ domain, operator }: NodeProto): FunctionProto | undefined {
    this.#functions ??= parseFunctions(this.content.model);
    return this.#functions.get(functionKey(domain, operator));
  }

  /** The graph that one node stands for, the same each time. */
  bodyOf(node: NodeProto, called: FunctionProto): GraphProto {
    const body = this.#bodies.get(node) ?? bodyFor(called, node);
    this.#bodies.set(node, body);
    return body;
  }
}
