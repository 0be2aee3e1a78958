import { nameOf } from "../formats/onnx/file.js";
import { type GraphProto, type NodeProto, parseGraph } from "../formats/onnx/proto.js";
import type { TensorProto } from "../formats/onnx/tensor.js";
import { Wire } from "../formats/onnx/wire.js";
import type { Builder } from "./builder.js";
import { Node } from "./node.js";
import { operatorOf } from "./operators/operators.js";
import type { Value } from "./value.js";

/** Sub-graphs within sub-graphs. */
const MOST_NESTING = 32;

/** A file whose graph can be walked again and again, for other shapes. */
export class Source {
  readonly where: string;
  readonly bytes: Uint8Array;
  readonly opset: number;
  readonly graph: GraphProto;
  readonly #read: (proto: TensorProto) => Value;
  readonly #subGraphs = new Map<number, GraphProto>();
  readonly #live = new Map<
    GraphProto,
    { nodes: readonly NodeProto[]; free: ReadonlySet<string> }
  >();

  constructor(
    where: string,
    bytes: Uint8Array,
    opset: number,
    graph: GraphProto,
    read: (proto: TensorProto) => Value,
  ) {
    this.where = where;
    this.bytes = bytes;
    this.opset = opset;
    this.graph = graph;
    this.#read = read;
  }

  /** The values of a tensor of the file, the same each time. */
  read(proto: TensorProto): Value {
    return this.#read(proto);
  }

  /** The sub-graph that is an attribute of a node. */
  subGraph(node: NodeProto, name: string): GraphProto {
    const attribute = node.attributes.get(name);
    if (attribute?.g === undefined) {
      return new Wire(this.where, this.bytes).fail(
        "attribute",
        `${node.operator} ${JSON.stringify(nameOf(node))}: expected a graph ${name}, got none`,
        node.at,
      );
    }
    const { begin, end } = attribute.g;
    let graph = this.#subGraphs.get(begin);
    if (graph === undefined) {
      graph = parseGraph(new Wire(this.where, this.bytes, begin, end));
      this.#subGraphs.set(begin, graph);
    }
    return graph;
  }

  /** The nodes on which a graph's outputs depend, in order, and the names that they take from outside. */
  live(graph: GraphProto, depth = 0) {
    const known = this.#live.get(graph);
    if (known !== undefined) return known;
    if (depth > MOST_NESTING) {
      new Wire(this.where, this.bytes).fail(
        "graph",
        `expected ≤ ${MOST_NESTING} graphs within graphs, got more`,
        graph.at,
      );
    }
    const needed = new Set(graph.outputs.map(({ name }) => name));
    const nodes: NodeProto[] = [];
    for (const node of [...graph.nodes].reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      nodes.push(node);
      for (const output of node.outputs) needed.delete(output);
      for (const input of node.inputs) if (input !== "") needed.add(input);
      for (const [name, { g }] of node.attributes) {
        if (g === undefined) continue;
        for (const each of this.live(this.subGraph(node, name), depth + 1).free) needed.add(each);
      }
    }
    for (const name of graph.initializers.keys()) needed.delete(name);
    const live = { nodes: nodes.reverse(), free: needed };
    this.#live.set(graph, live);
    return live;
  }
}

/** The names of a graph and their values; a sub-graph sees those around it. */
class Scope {
  readonly source: Source;
  readonly graph: GraphProto;
  readonly #outer: Scope | undefined;
  readonly #values = new Map<string, Value>();

  constructor(source: Source, graph: GraphProto, outer?: Scope) {
    this.source = source;
    this.graph = graph;
    this.#outer = outer;
  }

  get(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const proto = this.graph.initializers.get(name);
    return proto === undefined ? this.#outer?.get(name) : this.source.read(proto);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

/**
 * Walks the nodes of a graph in order, each to values and operations of `builder`. Of an `If`, only the branch that is taken.
 *
 * @returns the values of the graph's outputs
 */
export function walk(
  source: Source,
  builder: Builder,
  inputs: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  const scope = new Scope(source, source.graph);
  for (const [name, value] of inputs) scope.set(name, value);
  const values = walkGraph(builder, scope);
  return new Map(source.graph.outputs.map(({ name }, i) => [name, values[i] as Value]));
}

function walkGraph(builder: Builder, scope: Scope): Value[] {
  const { source, graph } = scope;
  for (const node of source.live(graph).nodes) {
    const values = walkNode(builder, node, scope);
    node.outputs.forEach((name, i) => {
      const value = values[i];
      if (name === "") return;
      if (value === undefined) builder.fail("graph", `output ${i}: it is not made here`);
      else scope.set(name, value);
    });
  }
  return graph.outputs.map(({ name }) => {
    const value = scope.get(name);
    if (value !== undefined) return value;
    builder.where = source.where;
    return builder.fail("graph", `output ${JSON.stringify(name)}: no node computes it`);
  });
}

function walkNode(
  builder: Builder,
  proto: NodeProto,
  scope: Scope,
): readonly (Value | undefined)[] {
  const { source } = scope;
  const { operator, domain } = proto;
  const title = `${domain ? `${domain}.` : ""}${operator} ${JSON.stringify(nameOf(proto))}`;
  builder.where = `${source.where}: ${title}`;
  const inputs = proto.inputs.map((name) => {
    if (name === "") return undefined;
    const missing = `input ${JSON.stringify(name)}: no node before this one computes it`;
    return scope.get(name) ?? builder.fail("graph", missing);
  });
  if (operator === "If" && domain === "") return walkIf(builder, proto, inputs, scope);
  const make = domain === "" ? operatorOf(operator) : undefined;
  if (make === undefined) return builder.fail("operator", unknown(proto));
  const known = inputs.every((value) => value === undefined || value.data !== undefined);
  const before = known ? builder.memo.result(proto, inputs) : undefined;
  if (before !== undefined) return before;
  const made = make(new Node(builder, proto, source.opset, inputs, (t) => source.read(t)), builder);
  const values = Array.isArray(made) ? made : [made as Value];
  if (known) builder.memo.keep(proto, inputs, values);
  return values;
}

function walkIf(
  builder: Builder,
  proto: NodeProto,
  [condition]: readonly (Value | undefined)[],
  scope: Scope,
): Value[] {
  const { where } = builder;
  const value = condition ?? builder.fail("graph", "expected a condition, got none");
  if (value.size !== 1) {
    builder.fail("shape", `expected a condition of one element, got ${value.size}`);
  }
  const taken = builder.numbers(value)[0] !== 0 ? "then_branch" : "else_branch";
  const inner = new Scope(scope.source, scope.source.subGraph(proto, taken), scope);
  const values = walkGraph(builder, inner);
  builder.where = where;
  return values;
}

const ADVICE: Readonly<Record<string, string>> = {
  Loop: "a loop in a graph is not run: export the model for one step and call it in a loop, or unrolled",
  Scan: "a loop in a graph is not run: export the model for one step and call it in a loop, or unrolled",
};

/** What to say of an operator that is not known. */
function unknown({ operator, domain, metadata }: NodeProto): string {
  const advice = domain === "" ? ADVICE[operator] : undefined;
  const known = advice ?? "expected an operator that docs/graphs.md lists, got another one";
  const scope = metadata?.get("pkg.torch.onnx.name_scopes") ?? metadata?.get("namespace");
  return scope === undefined ? known : `${known} (exported from ${scope.slice(0, 200)})`;
}
