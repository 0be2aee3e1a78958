import { assume } from "../../description/assumptions.js";
import type {
  DenseDescription,
  InputDescription,
  ModelDescription,
  RecurrentDescription,
} from "../../description/description.js";
import { fuseLayers } from "../../description/fuse_layers.js";
import { type OpenModel, openModel, type ReadOnnxOptions } from "../../formats/onnx/file.js";
import { READ_OPTIONS } from "../../formats/options.js";
import type { OptionNames } from "../../options.js";
import { NeedsValue } from "../builder.js";
import { declaredOf } from "../input.js";
import { Source } from "../source.js";
import { precisionOf, tensorsOf } from "../tensors.js";
import type { Value } from "../value.js";
import { walk } from "../walk.js";
import { Describer, isWhole, type Level, type Place, Walked, WHERE } from "./describer.js";
import { glue } from "./glue.js";
import { layers, moduleOf } from "./layers.js";
import { type Dimension, layoutOf } from "./layout.js";
import { operatorsFor } from "./operators.js";

/** Options of {@link describeOnnx}. */
export interface DescribeOnnxOptions extends ReadOnnxOptions {
  /** The graph's output that is the model's. Default: the first. */
  output?: string | undefined;
}

const OPTIONS: OptionNames<DescribeOnnxOptions> = { ...READ_OPTIONS, output: true };

/**
 * Sizes that open extents are tried with, the k-th one with another size than all others. What holds for both series does
 * not hold by chance.
 */
const TRIALS = [(k: number) => 5 + 2 * k, (k: number) => 8 + 3 * k] as const;

/** The graph's inputs, each a tensor of a network's input. */
function inputsOf(open: OpenModel, describer: Describer, sizeOf: (k: number) => number) {
  const { graph } = open.model;
  const sizes = new Map<string, number>();
  const inputs = new Map<string, Value>();
  graph.inputs.forEach((proto, i) => {
    const declared = declaredOf(proto, describer.precision, i);
    if (declared === undefined || graph.initializers.has(proto.name)) return;
    const { name, kind, precision, shape = [] } = declared;
    const rows = shape.map((given, axis): Dimension => {
      if (typeof given === "number") return { extent: given };
      const key = given ?? `${axis} ${name}`;
      const extent = sizes.get(key) ?? sizeOf(sizes.size);
      sizes.set(key, extent);
      return { extent, isOpen: true };
    });
    const extents = rows.map(({ extent }) => extent);
    const value = describer.value(kind, precision, extents, kind === "float" ? 0 : 1);
    const part = { kind: "given", whole: kind === "int" } as const;
    const level = { below: undefined, part, rows, features: [] };
    describer.put(value, { kind: "shown", level, layout: layoutOf(rows), where: WHERE });
    inputs.set(name, value);
  });
  return { inputs, isOpen: sizes.size > 0 };
}

/** The level that a place shows, whole. */
function levelOf(describer: Describer, wanted: string, place: Place | undefined): Level {
  const output = `output ${JSON.stringify(wanted)}`;
  const part = place?.kind === "shown" ? place.level.part.kind : undefined;
  if (place?.kind !== "shown" || (part !== "recurrent" && part !== "dense")) {
    describer.where = WHERE;
    return describer.fail("graph", `${output}: expected what comes from a recurrent layer`);
  }
  describer.where = place.where;
  if (isWhole(place)) return place.level;
  const expected = "expected every step, or the last one of each direction, in order";
  return describer.refuse(`${output}: ${expected}`);
}

type Reader = ReturnType<typeof tensorsOf>;

/** The level of an output, for one series of sizes. */
function tryOut(
  open: OpenModel,
  wanted: string,
  { walked, read, sizeOf }: { walked: Walked; read: Reader; sizeOf: (k: number) => number },
): { level: Level; isOpen: boolean } {
  const { model, opset, allowed } = open;
  const { bytes, graph } = model;
  const most = Math.min(allowed, 2 ** 27 + 16 * bytes.length);
  const describer = new Describer({ ...glue, ...layers }, walked, precisionOf(open), most);
  describer.where = WHERE;
  const { inputs, isOpen } = inputsOf(open, describer, sizeOf);
  const outputs = graph.outputs.filter(({ name }) => name === wanted).slice(0, 1);
  const source = new Source({
    model,
    opset,
    graph: { ...graph, outputs },
    listed: "docs/formats.md",
    operatorOf: operatorsFor(describer),
    read: (proto) => {
      const value = read(proto);
      if (value.data !== undefined) walked.names.set(value.data, proto.name);
      return value;
    },
  });
  try {
    const place = describer.place(walk(source, describer, inputs).get(wanted));
    return { level: levelOf(describer, wanted, place), isOpen };
  } catch (error) {
    if (!(error instanceof NeedsValue)) throw error;
    return describer.refuse("expected sizes that do not depend on numbers of the input");
  }
}

/** The levels from the input upwards as a description. Nodes of one module and kind are the layers of one network. */
function describeLevels(top: Level, metadata: ModelDescription["metadata"]): ModelDescription {
  const recurrent: RecurrentDescription[] = [];
  const dense: DenseDescription[] = [];
  let input: InputDescription = { kind: "features", size: 0 };
  let output: ModelDescription["output"] = "steps";
  for (let level: Level | undefined = top; level !== undefined; level = level.below) {
    const { part } = level;
    if (part.kind === "dense") dense.push(part.description);
    else if (part.kind === "input") input = part.description;
    else if (part.kind === "recurrent") {
      const { name } = part.node;
      const { options, weights } = part.layer;
      if (level.rows.length === 1) output = part.pool ?? "last";
      recurrent.push({ name: moduleOf(name) ?? name, options, weights });
    }
  }
  recurrent.reverse();
  dense.reverse();
  const description = { format: "onnx", input, recurrent, dense, output, metadata } as const;
  return fuseLayers(description, (below, above) => below.name === above.name);
}

/**
 * Reads a whole model as an exporter writes it: tokens through an embedding or as one-hot vectors, or features; RNN, GRU or
 * LSTM nodes on top of each other; linear layers with activations. The graph is folded as by `openGraph`, for the sizes in
 * the file or, where an extent is open, for two that are tried. Its operations must be those of such a stack, whatever
 * reshapes, transposes and cuts stand between them. `openGraph` runs all other graphs.
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
  const known = { walked: new Walked(), read: tensorsOf(open, precisionOf(open)) };
  const [first, second] = TRIALS;
  const { level, isOpen } = tryOut(open, wanted, { ...known, sizeOf: first });
  if (isOpen) tryOut(open, wanted, { ...known, sizeOf: second });
  const assumptions = [...known.walked.assumptions];
  if (options.output === undefined && names.length > 1) {
    const what = `The model's output is ${JSON.stringify(wanted)}, the first of ${names.length}.`;
    assumptions.push(assume("network", what));
  }
  return { ...describeLevels(level, metadata), assumptions };
}
