import type { ModelDescription, RecurrentDescription } from "../../description/description.js";
import { type OpenModel, openModel, type ReadOnnxOptions } from "../../formats/onnx/file.js";
import type { NodeLayer } from "../../formats/onnx/layer.js";
import type { NodeProto } from "../../formats/onnx/proto.js";
import { READ_OPTIONS } from "../../formats/options.js";
import type { RecurrentOptions } from "../../layers/options.js";
import type { OptionNames } from "../../options.js";
import { NeedsValue } from "../builder.js";
import { declaredOf } from "../input.js";
import { Memo } from "../memo.js";
import { precisionOf, tensorsOf } from "../tensors.js";
import type { Value } from "../value.js";
import { Source, titleOf, walk } from "../walk.js";
import { covers, type Dimension } from "./layout.js";
import { dimensionsOf, type Level, moduleOf, type Place } from "./levels.js";
import { DescribingBuilder, operatorsFor, WHERE } from "./operators.js";
import { Kept, Pattern } from "./pattern.js";
import { NeedsExtent } from "./recurrent.js";

/** Options of {@link describeOnnx}. */
export interface DescribeOnnxOptions extends ReadOnnxOptions {
  /** The graph's output that is the model's. Default: the first. */
  output?: string | undefined;
}

const OPTIONS: OptionNames<DescribeOnnxOptions> = { ...READ_OPTIONS, output: true };

/** Open extents whose size the weights tell. */
const MOST_TOLD = 8;

/**
 * What open extents are tried with: the k-th one has another size than all others, and another one in the second trial, so
 * that what holds in both does not hold by chance.
 */
const TRIALS = [(k: number) => 5 + 2 * k, (k: number) => 8 + 3 * k] as const;

const ADVICE = "openGraph runs whole graphs";

function refuse(open: OpenModel, node: NodeProto, what: string): never {
  return open.fail("operator", `${what}; ${ADVICE}`, node.at);
}

/** A graph that is walked for several sizes of its open extents. */
class Trials {
  readonly #open: OpenModel;
  readonly #output: string;
  readonly #memo = new Memo();
  readonly #kept = new Kept();
  readonly #read: ReturnType<typeof tensorsOf>;
  /** Sizes that weights tell, by the names of extents. */
  readonly #told = new Map<string, number>();

  constructor(open: OpenModel, output: string) {
    this.#open = open;
    this.#output = output;
    this.#read = tensorsOf(open, precisionOf(open));
  }

  /** The level of the output, and whether it depends on sizes that were tried. */
  run(sizeOf: (k: number) => number): { level: Level; isOpen: boolean } {
    for (;;) {
      const names = new Map<Dimension, string>();
      try {
        const level = this.#try(sizeOf, names);
        return { level, isOpen: names.size > this.#told.size };
      } catch (error) {
        if (!(error instanceof NeedsExtent)) throw error;
        const name = names.get(error.dimension);
        if (name === undefined || this.#told.size === MOST_TOLD) {
          const { extent } = error;
          const what = `expected an input of ${extent} features, got ${error.dimension.extent}`;
          return this.#open.fail("operator", `${what}; ${ADVICE}`, this.#open.model.graph.at);
        }
        this.#told.set(name, error.extent);
      }
    }
  }

  #try(sizeOf: (k: number) => number, names: Map<Dimension, string>): Level {
    const open = this.#open;
    const { model, opset, allowed } = open;
    const { bytes } = model;
    const pattern = new Pattern(this.#kept);
    const most = Math.min(allowed, 2 ** 27 + 16 * bytes.length);
    const builder = new DescribingBuilder(pattern, precisionOf(open), most, this.#memo);
    builder.where = WHERE;
    const inputs = this.#inputs(sizeOf, names, builder, pattern);
    const output = model.graph.outputs.filter(({ name }) => name === this.#output).slice(0, 1);
    const source = new Source({
      where: WHERE,
      bytes,
      opset,
      graph: { ...model.graph, outputs: output },
      listed: "docs/formats.md",
      operatorOf: operatorsFor(pattern),
      read: (proto) => {
        const value = this.#read(proto);
        if (value.data !== undefined) pattern.name(value.data, proto.name);
        return value;
      },
    });
    try {
      const value = walk(source, builder, inputs).get(this.#output) as Value;
      pattern.match(builder);
      return this.#levelOf(pattern.place(value));
    } catch (error) {
      if (!(error instanceof NeedsValue)) throw error;
      return builder.fail("operator", `expected sizes that do not depend on the input; ${ADVICE}`);
    }
  }

  #inputs(
    sizeOf: (k: number) => number,
    names: Map<Dimension, string>,
    builder: DescribingBuilder,
    pattern: Pattern,
  ): Map<string, Value> {
    const { graph } = this.#open.model;
    const sizes = new Map<string, number>();
    const inputs = new Map<string, Value>();
    graph.inputs.forEach((proto, i) => {
      const declared = declaredOf(proto, builder.precision, i);
      if (declared === undefined || graph.initializers.has(proto.name)) return;
      const { name, kind, precision, shape = [] } = declared;
      const dimensions = shape.map((extent, axis): Dimension => {
        if (typeof extent === "number") return { extent };
        const key = extent ?? `${axis} ${name}`;
        const size = this.#told.get(key) ?? sizes.get(key) ?? sizeOf(sizes.size);
        sizes.set(key, size);
        const dimension = { extent: size };
        names.set(dimension, key);
        return dimension;
      });
      const extents = dimensions.map(({ extent }) => extent);
      const value = builder.value(kind, precision, extents, kind === "float" ? 0 : 1);
      pattern.give(value, dimensions);
      inputs.set(name, value);
    });
    return inputs;
  }

  #levelOf(place: Place | undefined): Level {
    const open = this.#open;
    const output = `output ${JSON.stringify(this.#output)}`;
    if (place?.kind === "refused") {
      return refuse(open, place.by, `operator ${titleOf(place.by)}: ${place.why}`);
    }
    const part = place?.kind === "shown" ? place.level.part.kind : undefined;
    if (place?.kind !== "shown" || (part !== "recurrent" && part !== "dense")) {
      const what = `${output}: expected what comes from a recurrent layer`;
      return open.fail("graph", what, open.model.graph.at);
    }
    const { level, layout, by } = place;
    if (!covers(layout, dimensionsOf(level)) && by !== undefined) {
      const expected = "expected every step, or the last one of each direction, in order";
      return refuse(open, by, `${output}: operator ${titleOf(by)}: ${expected}`);
    }
    return level;
  }
}

/** Fuses adjacent nodes with equal options and the same module into the layers of one network, as in PyTorch. */
function fuseNodes(nodes: readonly { name: string; layer: NodeLayer }[]): RecurrentDescription[] {
  const form = ({ inputSize, layers, ...rest }: RecurrentOptions) => JSON.stringify(rest);
  const stacks: { name: string; module: string | undefined; form: string; layers: NodeLayer[] }[] =
    [];
  for (const { name, layer } of nodes) {
    const { options, directions } = layer;
    const module = moduleOf(name);
    const below = stacks.at(-1);
    const own = form(options);
    const fits =
      below?.module === module &&
      below?.form === own &&
      options.inputSize === directions * options.hiddenSize;
    if (fits) below?.layers.push(layer);
    else stacks.push({ name: module ?? name, module, form: own, layers: [layer] });
  }
  return stacks.map(({ name, layers }) => {
    const [{ options }] = layers as [NodeLayer];
    const weights = layers.flatMap(({ weights }, k) =>
      Object.entries(weights).map(([key, each]) => [key.replace("_l0", `_l${k}`), each] as const),
    );
    return {
      name,
      options: layers.length === 1 ? options : { ...options, layers: layers.length },
      weights: Object.fromEntries(weights),
    };
  });
}

/** The levels from the input upwards as a description. */
function describeLevels(top: Level): Omit<ModelDescription, "format" | "metadata"> | undefined {
  const recurrent: { name: string; layer: NodeLayer }[] = [];
  const dense: ModelDescription["dense"][number][] = [];
  for (let level: Level | undefined = top; level !== undefined; level = level.below) {
    const { part } = level;
    if (part.kind === "dense") dense.push(part.description);
    else if (part.kind === "recurrent") recurrent.push({ name: part.node.name, layer: part.layer });
    else if (part.kind === "input") {
      return {
        input: part.description,
        recurrent: fuseNodes(recurrent.reverse()),
        dense: dense.reverse(),
        output: top.time === undefined ? "last" : "steps",
      };
    }
  }
  return undefined;
}

/**
 * Reads a whole model as an exporter writes it: tokens through an embedding or as one-hot vectors, or features; RNN, GRU or
 * LSTM nodes on top of each other; linear layers with activations. The graph is folded for sizes of its own or, where an
 * extent is open, for two that are tried; its operations must be those of such a stack, whatever reshapes, transposes or
 * cuts stand between them. `openGraph` runs all other graphs.
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
  const trials = new Trials(open, wanted);
  const [first, second] = TRIALS;
  const { level, isOpen } = trials.run(first);
  if (isOpen) trials.run(second);
  const description = describeLevels(level);
  if (description === undefined) return open.fail("graph", "expected an input", graph.at);
  return { format: "onnx", ...description, metadata };
}
