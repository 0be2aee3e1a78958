import type {
  ModelDescription,
  RecurrentDescription,
  StoredNumbers,
} from "../../description/description.js";
import { ModelFormatError } from "../../description/format_error.js";
import type { RecurrentOptions } from "../../layers/options.js";
import type { OptionNames } from "../../options.js";
import { READ_OPTIONS } from "../options.js";
import { evaluate, recur, wholeOf } from "./chain.js";
import { moduleOf } from "./dense.js";
import {
  isRecurrent,
  nameOf,
  type OnnxInputName,
  type OnnxNode,
  type OpenModel,
  openModel,
  type ReadOnnxOptions,
  readNode,
} from "./file.js";
import { known, type Work } from "./folding.js";
import { layerOf, type NodeLayer, shapeError } from "./layer.js";
import type { NodeProto, ValueProto } from "./proto.js";
import type { Flow, Value } from "./values.js";

/** Options of {@link describeOnnx}. */
export interface DescribeOnnxOptions extends ReadOnnxOptions {
  /** The graph's output that is the model's. Default: the first. */
  output?: string | undefined;
}

const WHERE = "describeOnnx";
const OPTIONS: OptionNames<DescribeOnnxOptions> = { ...READ_OPTIONS, output: true };

/** A graph's input: tokens if its type is an integer, else features. */
function inputFlow({ dtype, shape }: ValueProto): Flow {
  const label = (extent: number | string | null) => ({
    size: typeof extent === "number" && extent > 0 ? extent : undefined,
  });
  return {
    kind: "flow",
    axes: (shape ?? []).map((extent) => [label(extent)]),
    features: [],
    whole: dtype === 6 || dtype === 7,
    chain: {
      ...{ input: undefined, recurrent: [], dense: [], output: "steps" },
      ...{ time: undefined, batch: undefined },
    },
  };
}

/** The nodes that `output` depends on, in the graph's order, in which they can be computed. */
function neededNodes({ model, fail }: OpenModel, output: string): NodeProto[] {
  const { graph } = model;
  const makers = new Map<string, NodeProto>();
  const places = new Map<NodeProto, number>();
  graph.nodes.forEach((node, i) => {
    places.set(node, i);
    for (const name of node.outputs) {
      if (name === "") continue;
      if (makers.has(name)) fail("graph", `${JSON.stringify(name)} is made twice`, node.at);
      makers.set(name, node);
    }
  });
  const needed = new Set<NodeProto>();
  const queue = [makers.get(output)];
  for (let node = queue.pop(); node !== undefined || queue.length > 0; node = queue.pop()) {
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    for (const name of node.inputs) {
      const maker = makers.get(name);
      if (maker !== undefined && (places.get(maker) ?? 0) >= (places.get(node) ?? 0)) {
        fail("graph", `${JSON.stringify(name)} is made after it is used`, node.at);
      }
      queue.push(maker);
    }
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** Follows a graph from its inputs to one output. */
class Walk {
  readonly #open: OpenModel;
  readonly #values = new Map<string, Value>();
  readonly #layers = new Map<NodeProto, NodeLayer>();
  #left: number;

  constructor(open: OpenModel) {
    this.#open = open;
    this.#left = open.allowed;
    const { inputs, initializers } = open.model.graph;
    for (const value of inputs) {
      if (!initializers.has(value.name)) this.#values.set(value.name, inputFlow(value));
    }
  }

  value(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    const proto = this.#open.model.graph.initializers.get(name);
    if (proto === undefined) return undefined;
    const held = known(this.#open.read(proto), name);
    this.#values.set(name, held);
    return held;
  }

  refuse(node: NodeProto, why: string): never {
    const what = `${node.domain ? `${node.domain}.` : ""}${node.operator}`;
    const place = `operator ${what} ${JSON.stringify(nameOf(node))}`;
    return this.#open.fail("operator", `${place}: ${why}`, node.at);
  }

  layer(node: NodeProto): NodeLayer {
    return this.#layers.get(node) as NodeLayer;
  }

  visit(node: NodeProto): void {
    const { opset, model, read, fail } = this.#open;
    const inputs = node.inputs.map((name) => {
      if (name === "") return undefined;
      const value = this.value(name);
      return value ?? fail("graph", `${JSON.stringify(name)} is not made by any node`, node.at);
    });
    const work: Work = {
      ...{ node, inputs, opset },
      attribute: (name) => node.attributes.get(name),
      read: ({ t }) => t && read(t),
      take: (elements) => {
        this.#left -= elements * 8;
        if (this.#left >= 0) return;
        const what = "what is folded takes more than maximumBytes";
        throw new ModelFormatError("too-large", `${model.where}: ${node.operator}: ${what}`);
      },
      refuse: (why) => this.refuse(node, why),
    };
    const outputs = isRecurrent(node) ? this.#recurrent(work) : [evaluate(work)];
    node.outputs.forEach((name, i) => {
      if (name !== "") this.#values.set(name, outputs[i] ?? { kind: "opaque", node });
    });
  }

  #recurrent(work: Work): Value[] {
    const { node, inputs } = work;
    const described = readNode(this.#open, node, () => undefined);
    const operands: { [name in OnnxInputName]?: StoredNumbers } = {};
    const names = Object.keys(described.inputs) as OnnxInputName[];
    const present = inputs.filter((value) => value !== undefined);
    let input: Flow | undefined;
    names.forEach((name, i) => {
      const value = present[i] as Value;
      const held =
        value.kind === "zeros" || (value.kind === "known" && value.data.every((x) => x === 0));
      const outside =
        value.kind === "given" || (value.kind === "flow" && value.chain.input === undefined);
      if (value.kind === "opaque") this.refuse(value.node, "it is not supported");
      if (name === "X") {
        input =
          value.kind === "flow"
            ? value
            : this.refuse(node, "X: expected what comes from the input");
      } else if (name === "sequence_lens") {
        if (!outside) this.refuse(node, "sequence_lens: expected an input of the graph");
      } else if (name === "initial_h" || name === "initial_c") {
        // A model begins at zeros. A state that is an input belongs to the caller.
        if (!held && !outside)
          this.refuse(node, `${name}: expected zeros, or an input of the graph`);
      } else if (value.kind === "known") operands[name] = value;
      else if (value.kind !== "zeros" || name === "W" || name === "R") {
        this.refuse(node, `${name}: expected numbers of the file`);
      }
    });
    const made = this.#layerOf(described, operands);
    this.#layers.set(node, made);
    const { direction, layout } = described.attributes;
    const link = {
      ...{ name: described.name, node, directions: made.directions },
      reverse: direction === "reverse",
    };
    return recur(work, input as Flow, link, { layout, nx: made.nx, na: made.na });
  }

  #layerOf(node: OnnxNode, operands: { [name in OnnxInputName]?: StoredNumbers }): NodeLayer {
    const { W, R } = operands;
    return layerOf(
      node,
      { ...operands, W: W as StoredNumbers, R: R as StoredNumbers },
      (part, expected, found) =>
        shapeError(WHERE, node.inputs[part]?.name ?? part, `${part} ${expected}`, found, true),
    );
  }
}

/** Fuses adjacent nodes with equal options and the same module into the layers of one network, as in PyTorch. */
function fuseNodes(walk: Walk, flow: Flow): RecurrentDescription[] {
  const result: (RecurrentDescription & { readonly module: string | undefined })[] = [];
  const form = ({ inputSize, layers, ...rest }: RecurrentOptions) => JSON.stringify(rest);
  for (const { name, node, directions } of flow.chain.recurrent) {
    const { options, weights } = walk.layer(node);
    const module = moduleOf(name);
    const below = result.at(-1);
    const fits =
      below !== undefined &&
      below.module === module &&
      form(below.options) === form(options) &&
      options.inputSize === directions * options.hiddenSize;
    if (!fits) {
      result.push({ name: module ?? name, module, options, weights });
      continue;
    }
    const k = below.options.layers ?? 1;
    const renamed = Object.entries(weights).map(([key, each]) => [
      key.replace("_l0", `_l${k}`),
      each,
    ]);
    result[result.length - 1] = {
      ...below,
      options: { ...below.options, layers: k + 1 },
      weights: { ...below.weights, ...Object.fromEntries(renamed) },
    };
  }
  return result.map(({ module, ...description }) => description);
}

/**
 * Reads a whole model as PyTorch's exporter writes it: tokens through an embedding or as one-hot vectors, or features; RNN,
 * GRU or LSTM nodes on top of each other; linear layers with activations. Weights that pass through Transpose, Slice, Concat
 * and the like are folded. The operators between layers must be those of a stack of layers.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the file breaks a rule; code `"operator"` is for the first operator that is not supported
 */
export function describeOnnx(
  file: Uint8Array | ArrayBuffer,
  options: DescribeOnnxOptions = {},
): ModelDescription {
  const open = openModel(WHERE, file, options, OPTIONS);
  const { graph, metadata } = open.model;
  const wanted = options.output ?? graph.outputs[0]?.name;
  const names = graph.outputs.map(({ name }) => name);
  if (wanted === undefined) return open.fail("graph", "expected an output, got none", graph.at);
  if (!names.includes(wanted)) {
    throw new TypeError(`${WHERE}: output: expected ${names.join(", ")}, got ${String(wanted)}`);
  }
  const walk = new Walk(open);
  const needed = neededNodes(open, wanted);
  for (const node of needed) walk.visit(node);
  const value = walk.value(wanted);
  if (value?.kind === "opaque") walk.refuse(value.node, "it is not supported");
  const flow = value?.kind === "stack" ? wholeOf(value.items) : value;
  if (flow?.kind !== "flow" || flow.chain.recurrent.length === 0 || flow.part !== undefined) {
    return open.fail(
      "graph",
      `output ${JSON.stringify(wanted)}: expected what comes from a recurrent layer`,
      graph.at,
    );
  }
  const { input, dense, output } = flow.chain;
  if (input === undefined) return open.fail("graph", "expected an input", graph.at);
  return { format: "onnx", input, recurrent: fuseNodes(walk, flow), dense, output, metadata };
}
