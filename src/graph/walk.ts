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
  readonly #makers = new Map<GraphProto, ReadonlyMap<string, number>>();
  readonly #free = new Map<GraphProto, ReadonlySet<string>>();

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

  /** Whether the graph itself has computed or been given a value. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

/**
 * Walks the nodes of a graph on which its outputs depend, each to values and operations of `builder`. Of an `If`, only the
 * branch that is taken is looked at.
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

/** Walks the nodes on which the outputs depend, each after those that it waits for. */
function walkGraph(builder: Builder, scope: Scope): Value[] {
  const { source, graph } = scope;
  const makers = source.makers(graph);
  /** The nodes before one that make names which are not there yet, the first of them last. */
  const missing = (names: Iterable<string>, before: number): number[] => {
    const places: number[] = [];
    for (const name of names) {
      const at = makers.get(name);
      if (at !== undefined && at < before && !scope.has(name)) places.push(at);
    }
    return places.reverse();
  };
  const waiting = missing(
    graph.outputs.map(({ name }) => name),
    graph.nodes.length,
  );
  const walked = new Set<number>();
  for (let at = waiting.at(-1); at !== undefined; at = waiting.at(-1)) {
    const node = graph.nodes[at] as NodeProto;
    let first = walked.has(at) ? [] : missing(node.inputs, at);
    if (!walked.has(at) && first.length === 0) {
      // Of an If, what the taken branch needs from outside.
      const branch = takenBranch(builder, node, scope);
      if (branch !== undefined) first = missing(source.free(branch), at);
    }
    for (const each of first) waiting.push(each);
    if (first.length > 0) continue;
    waiting.pop();
    if (walked.has(at)) continue;
    walked.add(at);
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
  const branch = takenBranch(builder, proto, scope);
  if (branch !== undefined) return walkGraph(builder, new Scope(scope.source, branch, scope));
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

/** The branch of an `If` that its condition takes; undefined for other nodes. */
function takenBranch(builder: Builder, proto: NodeProto, scope: Scope): GraphProto | undefined {
  if (proto.operator !== "If" || proto.domain !== "") return undefined;
  builder.where = `${scope.source.content.where}: ${titleOf(proto)}`;
  const condition = scope.get(proto.inputs[0] ?? "");
  if (condition === undefined) return builder.fail("graph", "expected a condition, got none");
  if (condition.size !== 1) {
    builder.fail("shape", `expected a condition of one element, got ${condition.size}`);
  }
  const taken = builder.numbers(condition)[0] !== 0 ? "then_branch" : "else_branch";
  return scope.source.subGraph(proto, taken);
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
