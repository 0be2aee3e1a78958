import { parseTensor, type TensorProto } from "./tensor.js";
import { FIXED32, type Span, VARINT, Wire } from "./wire.js";

/** Limits of every file. Depth needs none: a sub-graph is a span that only `parseGraph` enters. */
export const LIMITS = {
  nodes: 100_000,
  values: 10_000,
  tensors: 10_000,
  metadata: 10_000,
  name: 512,
  text: 1_000_000,
};

/** AttributeProto: a node's setting. `type` tells which value it has; in old files the value itself does. */
export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly at: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly t?: TensorProto;
  /** The place of a sub-graph, which `parseGraph` reads. */
  readonly g?: Span;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly string[];
  /** In a function: the attribute of its node that has the value. */
  readonly ref?: string;
}

export interface NodeProto {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  /** The exporter's notes, if there are any (IR 10). */
  readonly metadata: ReadonlyMap<string, string> | undefined;
  readonly at: number;
}

/** ValueInfoProto: an input or output of the graph. */
export interface ValueProto {
  readonly name: string;
  /** TensorProto's code of the type; 0 if the file does not give it. */
  readonly dtype: number;
  /** A size, a letter, or null for an open extent; absent without a shape. */
  readonly shape: readonly (number | string | null)[] | undefined;
  readonly at: number;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly inputs: readonly ValueProto[];
  readonly outputs: readonly ValueProto[];
  readonly at: number;
}

export interface ModelProto {
  readonly where: string;
  readonly bytes: Uint8Array;
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: GraphProto;
  /** The places of functions, which `parseFunctions` reads. */
  readonly functions: readonly Span[];
}

/** Most attributes have no list. */
const NONE: readonly never[] = Object.freeze([]);

const TYPES = { f: 1, i: 2, s: 3, t: 4, g: 5, floats: 6, ints: 7, strings: 8 } as const;

export function parseAttribute(wire: Wire): AttributeProto {
  let name = "";
  let type = 0;
  let kind = 0;
  const values: { f?: number; i?: number; s?: string; t?: TensorProto; g?: Span; ref?: string } =
    {};
  let floats: number[] | undefined;
  let ints: number[] | undefined;
  let strings: string[] | undefined;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) name = wire.text(LIMITS.name);
    else if (field === 2) [values.f, kind] = [wire.float(), TYPES.f];
    else if (field === 3) [values.i, kind] = [wire.integer(), TYPES.i];
    else if (field === 4) [values.s, kind] = [wire.text(LIMITS.text), TYPES.s];
    else if (field === 5) [values.t, kind] = [parseTensor(wire.message()), TYPES.t];
    else if (field === 6) [values.g, kind] = [wire.span(), TYPES.g];
    else if (field === 7) {
      const list = floats ?? [];
      floats = list;
      wire.numbers(FIXED32, (value) => list.push(value));
      kind = TYPES.floats;
    } else if (field === 8) {
      const list = ints ?? [];
      ints = list;
      wire.numbers(VARINT, (value) => list.push(value));
      kind = TYPES.ints;
    } else if (field === 9) {
      strings ??= [];
      strings.push(wire.text(LIMITS.text));
      kind = TYPES.strings;
    } else if (field === 20) type = wire.integer();
    else if (field === 21) values.ref = wire.text(LIMITS.name);
    else wire.skip();
  }
  // An empty list has only a type.
  const lists = { floats: floats ?? NONE, ints: ints ?? NONE, strings: strings ?? NONE };
  return { name, type: type || kind, at: wire.begin, ...values, ...lists };
}

export function parseNode(wire: Wire): NodeProto {
  let name = "";
  let operator = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeProto>();
  let metadata: Map<string, string> | undefined;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) inputs.push(wire.text(LIMITS.name));
    else if (field === 2) outputs.push(wire.text(LIMITS.name));
    else if (field === 3) name = wire.text(LIMITS.name);
    else if (field === 4) operator = wire.text(LIMITS.name);
    else if (field === 7) domain = wire.text(LIMITS.name);
    else if (field === 5) {
      const attribute = parseAttribute(wire.message());
      if (attributes.has(attribute.name)) {
        wire.fail("duplicate-key", `expected one attribute ${attribute.name}, got another`);
      }
      attributes.set(attribute.name, attribute);
    } else if (field === 9) {
      const { key, text } = parsePair(wire.message());
      metadata ??= new Map();
      metadata.set(key, text);
    } else wire.skip();
  }
  // "ai.onnx" is the long form of the standard domain's name.
  const standard = domain === "ai.onnx" ? "" : domain;
  return {
    name,
    operator,
    domain: standard,
    inputs,
    outputs,
    attributes,
    metadata,
    at: wire.begin,
  };
}

/** TensorShapeProto. */
function parseShape(wire: Wire): (number | string | null)[] {
  const shape: (number | string | null)[] = [];
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field !== 1) {
      wire.skip();
      continue;
    }
    const dimension = wire.message();
    let extent: number | string | null = null;
    for (let part = dimension.next(); part !== 0; part = dimension.next()) {
      if (part === 1) extent = dimension.integer();
      else if (part === 2) extent = dimension.text(LIMITS.name);
      else dimension.skip();
    }
    shape.push(extent);
  }
  return shape;
}

function parseValue(wire: Wire): ValueProto {
  let name = "";
  let dtype = 0;
  let shape: (number | string | null)[] | undefined;
  /** Enters the message in field `wanted` each time it occurs. */
  const enter = (message: Wire, wanted: number, visit: (inner: Wire) => void): void => {
    for (let field = message.next(); field !== 0; field = message.next()) {
      if (field === wanted) visit(message.message());
      else message.skip();
    }
  };
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) name = wire.text(LIMITS.name);
    else if (field === 2) {
      enter(wire.message(), 1, (tensor) => {
        for (let part = tensor.next(); part !== 0; part = tensor.next()) {
          if (part === 1) dtype = tensor.integer();
          else if (part === 2) shape = parseShape(tensor.message());
          else tensor.skip();
        }
      });
    } else wire.skip();
  }
  return { name, dtype, shape, at: wire.begin };
}

/** GraphProto. Sub-graphs of its nodes are not entered. */
export function parseGraph(wire: Wire): GraphProto {
  let name = "";
  const nodes: NodeProto[] = [];
  const inputs: ValueProto[] = [];
  const outputs: ValueProto[] = [];
  const initializers = new Map<string, TensorProto>();
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) {
      if (nodes.length === LIMITS.nodes) {
        wire.fail("too-many-nodes", `expected ≤ ${LIMITS.nodes} nodes, got more`);
      }
      nodes.push(parseNode(wire.message()));
    } else if (field === 2) name = wire.text(LIMITS.name);
    else if (field === 5) {
      const tensor = parseTensor(wire.message());
      if (initializers.has(tensor.name)) {
        wire.fail(
          "duplicate-key",
          "expected one initializer of this name, got another",
          tensor.at,
          tensor.name,
        );
      }
      if (initializers.size === LIMITS.tensors) {
        const what = `expected ≤ ${LIMITS.tensors} initializers, got more`;
        wire.fail("too-many-tensors", what, tensor.at, tensor.name);
      }
      initializers.set(tensor.name, tensor);
    } else if (field === 11 || field === 12) {
      const values = field === 11 ? inputs : outputs;
      if (values.length === LIMITS.values) {
        wire.fail("too-many-values", `expected ≤ ${LIMITS.values} inputs or outputs, got more`);
      }
      values.push(parseValue(wire.message()));
    } else if (field === 15) {
      wire.fail("data", "expected dense initializers, got a sparse one");
    } else wire.skip();
  }
  return { name, nodes, initializers, inputs, outputs, at: wire.begin };
}

/** A pair of strings (metadata), or a domain and its version: fields 1 and 2. */
export function parsePair(wire: Wire): { key: string; text: string; version: number } {
  let key = "";
  let text = "";
  let version = 0;
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) key = wire.text(LIMITS.name);
    else if (field === 2 && wire.type === VARINT) version = wire.integer();
    else if (field === 2) text = wire.text(LIMITS.text);
    else wire.skip();
  }
  return { key, text, version };
}

/** Reads and checks a model's structure. Reads no tensor's numbers yet. */
export function parseModel(where: string, bytes: Uint8Array): ModelProto {
  const wire = new Wire(where, bytes);
  let irVersion = 0;
  let producer = "";
  let graph: GraphProto | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: Span[] = [];
  for (let field = wire.next(); field !== 0; field = wire.next()) {
    if (field === 1) irVersion = wire.integer();
    else if (field === 2) producer = wire.text(LIMITS.name);
    else if (field === 7) {
      if (graph !== undefined) wire.fail("model", "expected one graph, got two");
      graph = parseGraph(wire.message());
    } else if (field === 8) {
      const { key, version } = parsePair(wire.message());
      const domain = key === "ai.onnx" ? "" : key;
      if (opsets.has(domain))
        wire.fail("duplicate-key", `expected one opset "${domain}", got another`);
      opsets.set(domain, version);
    } else if (field === 14) {
      const { key, text } = parsePair(wire.message());
      if (metadata.has(key))
        wire.fail("duplicate-key", `metadata: expected one ${key}, got another`);
      if (metadata.size === LIMITS.metadata) {
        wire.fail("too-many-metadata", `metadata: expected ≤ ${LIMITS.metadata} keys, got more`);
      }
      metadata.set(key, text);
    } else if (field === 25) functions.push(wire.span());
    else wire.skip();
  }
  if (!(irVersion >= 1)) wire.fail("model", `expected an ir_version ≥ 1, got ${irVersion}`, 0);
  if (graph === undefined) return wire.fail("model", "expected a graph, got none", 0);
  // Before IR 3 there was one set of operators and no field for it.
  if (irVersion < 3 && opsets.size === 0) opsets.set("", 1);
  if (opsets.size === 0) wire.fail("model", "expected an opset_import, got none", 0);
  return { where, bytes, irVersion, producer, opsets, metadata, graph, functions };
}
