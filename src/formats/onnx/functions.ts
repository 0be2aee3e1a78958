import {
  type AttributeProto,
  type GraphProto,
  LIMITS,
  type ModelProto,
  type NodeProto,
  parseAttribute,
  parseNode,
  parsePair,
} from "./proto.js";
import { Wire } from "./wire.js";

/** FunctionProto: a graph that nodes of its name stand for. */
export interface FunctionProto {
  readonly inputs: readonly string[];
  /** What attributes are where a node does not give them. */
  readonly defaults: ReadonlyMap<string, AttributeProto>;
  readonly graph: GraphProto;
  /** The version of the standard operators in it; undefined for the model's. */
  readonly opset: number | undefined;
}

export const functionKey = (domain: string, name: string): string => `${domain} ${name}`;

/** The functions of a model by domain and name. */
export function parseFunctions({ where, bytes, functions }: ModelProto) {
  const known = new Map<string, FunctionProto>();
  for (const { begin, end } of functions) {
    const wire = new Wire(where, bytes, begin, end);
    const { key, made } = parseFunction(wire);
    if (known.has(key)) wire.fail("duplicate-key", `expected one function ${key}, got another`);
    known.set(key, made);
  }
  return known;
}

function parseFunction(wire: Wire): { key: string; made: FunctionProto } {
  let name = "";
  let domain = "";
  let opset: number | undefined;
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: NodeProto[] = [];
  const defaults = new Map<string, AttributeProto>();
  const at = wire.begin;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) name = wire.text(LIMITS.name);
    else if (field === 4) inputs.push(wire.text(LIMITS.name));
    else if (field === 5) outputs.push(wire.text(LIMITS.name));
    else if (field === 7) nodes.push(parseNode(wire.message()));
    else if (field === 9) {
      const { key, version } = parsePair(wire.message());
      if (key === "" || key === "ai.onnx") opset = version;
    } else if (field === 10) domain = wire.text(LIMITS.name);
    else if (field === 11) {
      const attribute = parseAttribute(wire.message());
      defaults.set(attribute.name, attribute);
    } else wire.skip();
  }
  const results = outputs.map((each) => ({ name: each, dtype: 0, shape: undefined, at }));
  const graph = { name, nodes, initializers: new Map(), inputs: [], outputs: results, at };
  return { key: functionKey(domain, name), made: { inputs, defaults, graph, opset } };
}

/** The body of a function for one node: attributes that it refers to have the node's values. */
export function bodyFor({ graph, defaults }: FunctionProto, node: NodeProto): GraphProto {
  if (!graph.nodes.some(({ attributes }) => [...attributes.values()].some(({ ref }) => ref))) {
    return graph;
  }
  const nodes = graph.nodes.map((each): NodeProto => {
    const attributes = new Map<string, AttributeProto>();
    for (const [name, attribute] of each.attributes) {
      const { ref } = attribute;
      const value = ref ? (node.attributes.get(ref) ?? defaults.get(ref)) : attribute;
      if (value !== undefined) attributes.set(name, { ...value, name });
    }
    return { ...each, attributes };
  });
  return { ...graph, nodes };
}
