import { nameOf } from "../formats/onnx/file.js";
import { type GraphProto, type NodeProto, parseGraph } from "../formats/onnx/proto.js";
import type { TensorProto } from "../formats/onnx/tensor.js";
import { Wire } from "../formats/onnx/wire.js";
import type { Builder } from "./builder.js";
import { Node, type Operator } from "./node.js";
import type { Value } from "./value.js";

/** Sub-graphs within sub-graphs. */
const MOST_NESTING = 32;

/** What a file says, and what it is walked with. */
export interface SourceContent {
  /** The public function, for messages. */
  readonly where: string;
  readonly bytes: Uint8Array;
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
  readonly #live = new Map<
    GraphProto,
    { nodes: readonly NodeProto[]; free: ReadonlySet<string> }
  >();

  constructor(content: SourceContent) {
    this.content = content;
  }

  fail(what: string, at: number): never {
    const { where, bytes } = this.content;
    return new Wire(where, bytes).fail("graph", what, at);
  }

  /** The sub-graph that is an attribute of a node. */
  subGraph(node: NodeProto, name: string): GraphProto {
    const { where, bytes } = this.content;
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

  /** The nodes on which a graph's outputs depend, in order, and the names that they take from outside. */
  live(graph: GraphProto, depth = 0) {
    const known = this.#live.get(graph);
    if (known !== undefined) return known;
    if (depth > MOST_NESTING) {
      this.fail(`expected ≤ ${MOST_NESTING} graphs within graphs, got more`, graph.at);
    }
    const made = new Set<string>();
    for (const { outputs, at } of graph.nodes) {
      for (const name of outputs) {
        if (made.has(name)) this.fail(`${JSON.stringify(name)} is made twice`, at);
        if (name !== "") made.add(name);
      }
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
    return proto === undefined ? this.#outer?.get(name) : this.source.content.read(proto);
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
  const { graph } = source.content;
  const scope = new Scope(source, graph);
  for (const [name, value] of inputs) scope.set(name, value);
  const values = walkGraph(builder, scope);
  return new Map(graph.outputs.map(({ name }, i) => [name, values[i] as Value]));
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
    builder.where = source.content.where;
    return builder.fail("graph", `output ${JSON.stringify(name)}: no node computes it`);
  });
}

/** A node in messages: its operator and its name. */
export const titleOf = (node: NodeProto): string =>
  `${node.domain ? `${node.domain}.` : ""}${node.operator} ${JSON.stringify(nameOf(node))}`;

function walkNode(
  builder: Builder,
  proto: NodeProto,
  scope: Scope,
): readonly (Value | undefined)[] {
  const { where, opset, listed, operatorOf, read } = scope.source.content;
  const { operator, domain } = proto;
  builder.where = `${where}: ${titleOf(proto)}`;
  const inputs = proto.inputs.map((name) => {
    if (name === "") return undefined;
    const missing = `input ${JSON.stringify(name)}: no node before this one computes it`;
    return scope.get(name) ?? builder.fail("graph", missing);
  });
  if (operator === "If" && domain === "") return walkIf(builder, proto, inputs, scope);
  const make = domain === "" ? operatorOf(operator) : undefined;
  if (make === undefined) return builder.fail("operator", unknown(proto, listed));
  const known = inputs.every((value) => value === undefined || value.data !== undefined);
  const before = known ? builder.memo.result(proto, inputs) : undefined;
  if (before !== undefined) return before;
  const made = make(new Node(builder, proto, opset, inputs, read), builder);
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
function unknown({ operator, domain, metadata }: NodeProto, listed: string): string {
  const advice = domain === "" ? ADVICE[operator] : undefined;
  const known = advice ?? `expected an operator that ${listed} lists, got another one`;
  const scope = metadata?.get("pkg.torch.onnx.name_scopes") ?? metadata?.get("namespace");
  return scope === undefined ? known : `${known} (exported from ${scope.slice(0, 200)})`;
}
