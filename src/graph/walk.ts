import { nameOf } from "../formats/onnx/file.js";
import { type GraphProto, LIMITS, type NodeProto } from "../formats/onnx/proto.js";
import type { Builder } from "./builder.js";
import { Node } from "./node.js";
import type { Source } from "./source.js";
import type { Value } from "./value.js";

/** Functions within functions. */
const MOST_CALLS = 32;

/** The function whose nodes are walked. */
interface Call {
  readonly title: string;
  readonly depth: number;
  readonly opset: number;
  /** Inputs that the node does not give. */
  readonly absent: ReadonlySet<string>;
  /** Nodes of all functions that were entered. */
  readonly spent: { nodes: number };
}

/** The names of a graph and their values; a sub-graph sees those around it. */
class Scope {
  readonly source: Source;
  readonly graph: GraphProto;
  readonly call: Call;
  readonly #outer: Scope | undefined;
  readonly #values = new Map<string, Value>();

  constructor(source: Source, graph: GraphProto, call: Call, outer?: Scope) {
    this.source = source;
    this.graph = graph;
    this.call = call;
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
  const { graph, opset } = source.content;
  const call = { title: "", depth: 0, opset, absent: new Set<string>(), spent: { nodes: 0 } };
  const scope = new Scope(source, graph, call);
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
    builder.where = source.content.model.where;
    return builder.fail("graph", `output ${JSON.stringify(name)}: no node computes it`);
  });
}

/** A node in messages: its operator and its name. */
export const titleOf = (node: NodeProto): string =>
  `${node.domain ? `${node.domain}.` : ""}${node.operator} ${JSON.stringify(nameOf(node))}`;

/** Says for messages that a node is at hand. */
function enter(builder: Builder, proto: NodeProto, { source, call }: Scope): void {
  const within = call.depth === 0 ? "" : ` in ${call.title}`;
  builder.where = `${source.content.model.where}: ${titleOf(proto)}${within}`;
}

function walkNode(
  builder: Builder,
  proto: NodeProto,
  scope: Scope,
): readonly (Value | undefined)[] {
  const { source, call } = scope;
  const { operatorOf, read } = source.content;
  enter(builder, proto, scope);
  const inputs = proto.inputs.map((name) => {
    if (name === "" || call.absent.has(name)) return undefined;
    const missing = `input ${JSON.stringify(name)}: no node before this one computes it`;
    return scope.get(name) ?? builder.fail("graph", missing);
  });
  const branch = takenBranch(builder, proto, scope);
  if (branch !== undefined) return walkGraph(builder, new Scope(source, branch, call, scope));
  const make = proto.domain === "" ? operatorOf(proto.operator) : undefined;
  if (make === undefined) return walkCall(builder, proto, scope, inputs);
  const known = inputs.every((value) => value === undefined || value.data !== undefined);
  const before = known ? builder.memo.result(proto, inputs) : undefined;
  if (before !== undefined) return before;
  const made = make(new Node(builder, proto, call.opset, inputs, read), builder);
  const values = Array.isArray(made) ? made : [made as Value];
  if (known) builder.memo.keep(proto, inputs, values);
  return values;
}

/** A node that stands for a function of the file. */
function walkCall(
  builder: Builder,
  proto: NodeProto,
  { source, call }: Scope,
  inputs: readonly (Value | undefined)[],
): Value[] {
  const called = source.functionOf(proto);
  if (called === undefined) return builder.fail("operator", unknown(proto, source.content.listed));
  const { spent, depth } = call;
  if (depth === MOST_CALLS) {
    builder.fail("graph", `expected ≤ ${MOST_CALLS} functions within functions, got more`);
  }
  spent.nodes += called.graph.nodes.length;
  if (spent.nodes > LIMITS.nodes) {
    const what = `expected ≤ ${LIMITS.nodes} nodes in the functions that are called, got more`;
    builder.fail("too-many-nodes", what);
  }
  const absent = new Set(called.inputs.filter((_, i) => inputs[i] === undefined));
  const title = titleOf(proto);
  const opset = called.opset ?? call.opset;
  const inner = { title, depth: depth + 1, opset, absent, spent };
  const scope = new Scope(source, source.bodyOf(proto, called), inner);
  called.inputs.forEach((name, i) => {
    const value = inputs[i];
    if (value !== undefined) scope.set(name, value);
  });
  return walkGraph(builder, scope);
}

/** The branch of an `If` that its condition takes; undefined for other nodes. */
function takenBranch(builder: Builder, proto: NodeProto, scope: Scope): GraphProto | undefined {
  if (proto.operator !== "If" || proto.domain !== "") return undefined;
  enter(builder, proto, scope);
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
