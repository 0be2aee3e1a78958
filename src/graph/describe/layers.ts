import { ACTIVATIONS, type ActivationName } from "../../cells/activations.js";
import { assume } from "../../description/assumptions.js";
import type { DenseDescription, StoredNumbers } from "../../description/description.js";
import type { Floats } from "../../wasm/abi.js";
import { BINARY, REDUCE } from "../codes.js";
import { moved } from "../moves.js";
import type { Operation } from "../operation.js";
import { sizeOf, type Value } from "../value.js";
import {
  type Describer,
  isRows,
  isWhole,
  type Level,
  type Place,
  type Rules,
  type Shown,
} from "./describer.js";
import { isGiven } from "./glue.js";
import { type Axis, type Dimension, layoutOf, shown, shows } from "./layout.js";

/** The name of the module that a node came from: PyTorch's "/encoder/rnn/LSTM_1" is encoder.rnn. */
export function moduleOf(name: string): string | undefined {
  const path = name.split("/").slice(1, -1);
  // Within nn.Sequential a part repeats its parent's name: "/head/head.0/Gemm".
  const parts = path.filter((part, i) => !path[i + 1]?.startsWith(`${part}.`));
  return name.startsWith("/") && parts.length > 0 ? parts.join(".") : undefined;
}

/** The name of a weight's module. */
const moduleOfWeight = (name: string): string | undefined =>
  /^(.+)\.(weight|bias)$/.exec(name)?.[1];

/** The vectors that tokens become: rows of a table, or ones. */
export function embed(
  describer: Describer,
  tokens: Place | undefined,
  description: (Level["part"] & { kind: "input" })["description"],
): Place {
  const part = tokens?.kind === "shown" ? tokens.level.part : undefined;
  if (tokens?.kind !== "shown" || part?.kind !== "given" || !part.whole) {
    return describer.refuse("expected tokens that choose rows of a table");
  }
  const size = description.kind === "embedding" ? description.weight.shape[1] : description.size;
  const features = [{ extent: size as number }];
  const { level, layout } = tokens;
  return {
    ...tokens,
    level: { below: level, part: { kind: "input", description }, rows: level.rows, features },
    layout: { ...layout, axes: [...layout.axes, ...layoutOf(features).axes] },
  };
}

function gather(op: Operation<"gather">, describer: Describer): Place {
  const [table, tokens] = op.inputs as [Value, Value];
  const { shape, data } = table;
  if (describer.place(table)?.kind === "outside") return { kind: "outside" };
  if (data === undefined || shape.length !== 2 || op.outer !== 1) {
    return describer.refuse("expected tokens that choose rows of a table");
  }
  const held = describer.nameOf(table);
  const name = moduleOfWeight(held) ?? moduleOf(describer.node) ?? held;
  const weight = { shape, data };
  return embed(describer, describer.place(tokens), { kind: "embedding", name, weight });
}

/** The dimension that an axis shows; a new one for an axis of one place. */
const single = ([factor]: Axis): Dimension => factor?.[0] ?? { extent: 1 };

/** The level below X (T, m, nx), with steps and sequences as its rows. */
function inputOf(op: Operation<"recurrent">, describer: Describer): Level {
  const place = describer.place(op.inputs[0]);
  const { nx } = op.layer;
  if (place?.kind !== "shown") return describer.refuse("X: expected what comes from the input");
  const { level, layout } = place;
  const [first = [], second = [], vector = []] = layout.axes;
  const { part, rows } = level;
  if (part.kind === "dense" || (part.kind === "recurrent" && rows.length < 2)) {
    const what = "every output of the layer below, with nothing between";
    return describer.refuse(`X: expected ${what}`);
  }
  const isNumbers = part.kind === "given" && !part.whole;
  // Which axes of an input are steps and sequences, and which are features, comes out here.
  const features = isNumbers ? (shown(vector) ?? []) : level.features;
  const known = part.kind === "recurrent" ? rows : [single(first), single(second)];
  const [time, batch] = known as [Dimension, Dimension];
  const isSequence =
    shows(first, [time]) && shows(second, [batch]) && shows(vector, features) && isWhole(place);
  const size = features.reduce((product, { extent }) => product * extent, 1);
  const isSized = size === nx || (isNumbers && features.some(({ isOpen }) => isOpen));
  if (!isSequence || !isSized || (part.kind === "given" && !isNumbers)) {
    const what = `(T, m, nx) with nx = ${nx}, steps and sequences as below it`;
    return describer.refuse(`X: expected the whole output of the layer below, ${what}`);
  }
  if (!isNumbers) return { ...level, rows: [time, batch] };
  const description = { kind: "features", size: nx } as const;
  return { below: undefined, part: { kind: "input", description }, rows: [time, batch], features };
}

/** Zeros, which a model begins with, or a state that belongs to the caller. */
function isInitial(value: Value, describer: Describer): boolean {
  if (value.data === undefined) return isGiven(describer.place(value));
  const { zeros } = describer.walked;
  const known = zeros.get(value.data) ?? value.data.every((each) => each === 0);
  zeros.set(value.data, known);
  return known;
}

/** The states and lengths that a graph takes from its caller are inputs of the graph, not numbers of the file. */
const STATES = assume(
  "network",
  "The initial states are inputs of the graph; every sequence begins with a state of zeros here.",
);
const LENGTHS = assume(
  "network",
  "sequence_lens is an input of the graph; every sequence is read to its own end here.",
);

function recurrent(op: Operation<"recurrent">, describer: Describer): readonly Place[] {
  const { node, layer, h, c, inputs } = op;
  const states = inputs.slice(1, 1 + Number(h) + Number(c));
  states.forEach((value, i) => {
    if (isInitial(value, describer)) {
      if (value.data === undefined) describer.walked.assumptions.add(STATES);
      return;
    }
    const name = h && i === 0 ? "initial_h" : "initial_c";
    describer.refuse(`${name}: expected zeros, or an input of the graph`);
  });
  const lengths = inputs[1 + states.length];
  if (lengths !== undefined && !isGiven(describer.place(lengths))) {
    describer.refuse("sequence_lens: expected an input of the graph");
  }
  if (lengths !== undefined) describer.walked.assumptions.add(LENGTHS);
  const below = inputOf(op, describer);
  const [time, batch] = below.rows as [Dimension, Dimension];
  const features = [{ extent: layer.directions }, { extent: layer.na }] as const;
  const [direction, unit] = features;
  const { where } = describer;
  const made = (rows: readonly Dimension[], axes: readonly Dimension[]): Place => {
    const level: Level = { below, part: { kind: "recurrent", node, layer }, rows, features };
    return { kind: "shown", level, layout: layoutOf(axes), where };
  };
  return [
    made([time, batch], [time, direction, batch, unit]),
    made([batch], [direction, batch, unit]),
    // Y_c is of no use to the layers above.
    { kind: "states", parts: [], extents: [], axis: 0 },
  ];
}

/** The mean or the maximum over all steps. */
function pool(op: Operation<"reduce">, describer: Describer): Place {
  const place = describer.place(op.inputs[0]);
  const { shape } = op.inputs[0] as Value;
  const axis = shape.findIndex((n, i) => n === op.n && sizeOf(shape.slice(0, i)) === op.outer);
  const names = { [REDUCE.mean]: "mean", [REDUCE.maximum]: "max" } as const;
  const { part, rows } = place?.kind === "shown" ? place.level : {};
  const [time, batch] = rows ?? [];
  const code = op.code as keyof typeof names;
  const isSteps =
    place?.kind === "shown" &&
    part?.kind === "recurrent" &&
    // Steps after a sequence's end would count, as zeros.
    part.node.inputs.sequence_lens === undefined &&
    time !== undefined &&
    shows(place.layout.axes[axis] ?? [], [time]) &&
    isWhole(place);
  if (!isSteps || batch === undefined || names[code] === undefined) {
    return describer.refuse("expected the mean or the maximum over the steps of a recurrent layer");
  }
  const keeps = (op.outputs[0] as Value).shape.length === shape.length;
  const axes = place.layout.axes.flatMap((each, i) => (i !== axis ? [each] : keeps ? [[]] : []));
  return {
    ...place,
    level: { ...place.level, part: { ...part, pool: names[code] }, rows: [batch] },
    layout: { ...place.layout, axes },
    where: describer.where,
  };
}

/** The file's weight (n, ny) as (ny, n); a weight of several layers is turned once. */
function turned(weight: Value, describer: Describer): StoredNumbers {
  const [n, ny] = weight.shape as [number, number];
  const from = weight.data as Floats;
  const { weights } = describer.walked;
  let data = weights.get(from);
  if (data === undefined) {
    describer.count(from.byteLength);
    const to = { ...weight, shape: [ny, n], data: undefined };
    const op = { kind: "permute", inputs: [weight], outputs: [to], where: "", order: [1, 0] };
    data = moved(op as Operation<"permute">) as Floats;
    weights.set(from, data);
  }
  return { shape: [ny, n], data };
}

/** x·weight of a linear layer. */
function multiply({ inputs }: Operation<"matmul">, describer: Describer): Place {
  const [place, weight] = [describer.place(inputs[0]), inputs[1] as Value];
  if (weight.data === undefined || weight.shape.length !== 2) {
    return describer.refuse("expected a weight of the file on the right");
  }
  const part = place?.kind === "shown" ? place.level.part.kind : undefined;
  if (!isRows(place) || (part !== "recurrent" && part !== "dense")) {
    return describer.refuse("expected a recurrent layer's whole output along the last axis");
  }
  const { level, layout } = place;
  const held = describer.nameOf(weight);
  const name = moduleOfWeight(held) ?? moduleOf(describer.node) ?? (held || describer.node);
  const stored = turned(weight, describer);
  const features = [{ extent: stored.shape[0] as number }];
  const description = { name, weight: stored, activation: "identity" } as const;
  return {
    ...place,
    level: { below: level, part: { kind: "dense", description }, rows: level.rows, features },
    layout: { ...layout, axes: [...layout.axes.slice(0, -1), ...layoutOf(features).axes] },
    where: describer.where,
  };
}

/** The linear layer of a place, which has no function yet. */
function linearOf(place: Place | undefined, describer: Describer): DenseDescription {
  const part = place?.kind === "shown" ? place.level.part : undefined;
  if (part?.kind === "dense" && part.description.activation === "identity") return part.description;
  return describer.refuse("expected a linear layer below it, without a function yet");
}

const changed = (place: Shown, description: DenseDescription): Place => ({
  ...place,
  level: { ...place.level, part: { kind: "dense", description } },
});

/** The bias (ny) of the product before. */
function addBias({ code, inputs, outputs }: Operation<"binary">, describer: Describer): Place {
  if (code !== BINARY.add) return describer.refuse("it is not supported");
  const at = describer.place(inputs[0]) === undefined ? 1 : 0;
  const [place, bias] = [describer.place(inputs[at]), inputs[1 - at] as Value];
  const linear = linearOf(place, describer);
  const [ny] = linear.weight.shape as [number];
  const isRow = bias.size === ny && (bias.shape.at(-1) ?? 1) === ny;
  if (bias.data === undefined || !isRow || linear.bias !== undefined || !isRows(place)) {
    return describer.refuse(`expected the one bias (${ny},) of a linear layer`);
  }
  const { axes } = place.layout;
  const missing = (outputs[0] as Value).shape.slice(axes.length).map((): Axis => []);
  const layout = { ...place.layout, axes: [...missing, ...axes] };
  const name = moduleOfWeight(describer.nameOf(bias)) ?? linear.name;
  const held = { shape: [ny], data: bias.data };
  return changed({ ...place, layout }, { ...linear, name, bias: held });
}

function activate(
  { inputs }: Operation,
  describer: Describer,
  activation: DenseDescription["activation"],
): Place {
  const place = describer.place(inputs[0]);
  return changed(place as Shown, { ...linearOf(place, describer), activation });
}

function applyFunction(op: Operation<"unary">, describer: Describer): Place {
  const { code, alpha, beta } = op;
  const names = Object.keys(ACTIVATIONS) as ActivationName[];
  const name = names.find((each) => ACTIVATIONS[each].kind === code);
  if (name === undefined || name === "affine") return describer.refuse("it is not supported");
  const usual = ACTIVATIONS[name];
  const given = {
    ...(alpha === usual.alpha ? {} : { alpha }),
    ...(beta === usual.beta ? {} : { beta }),
  };
  const own = Object.keys(given).length === 0 ? name : { name, ...given };
  return activate(op as Operation, describer, own);
}

function softmax(op: Operation<"softmax">, describer: Describer): Place {
  const [x] = op.inputs as [Value];
  if (!isRows(describer.place(x)) || op.n !== x.shape.at(-1)) {
    return describer.refuse("expected it along the last axis");
  }
  return activate(op as Operation, describer, op.log ? "logSoftmax" : "softmax");
}

/** The layers of a network, from its input upwards. */
export const layers: Rules = {
  gather,
  recurrent,
  reduce: pool,
  matmul: multiply,
  binary: addBias,
  unary: applyFunction,
  softmax,
};
