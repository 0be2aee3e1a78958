import { ACTIVATIONS, type ActivationName } from "../../cells/activations.js";
import type { DenseDescription, StoredNumbers } from "../../description/description.js";
import { nameOf as nodeName } from "../../formats/onnx/file.js";
import type { Floats } from "../../wasm/abi.js";
import { BINARY } from "../codes.js";
import { moved } from "../moves.js";
import type { Value } from "../value.js";
import { covers, layoutOf, shows } from "./layout.js";
import {
  dimensionsOf,
  type Level,
  type Match,
  moduleOf,
  moduleOfWeight,
  type Place,
  type Shown,
} from "./levels.js";

/** Whether a place is a whole level, its vectors along the last axis. */
function isRows(place: Place | undefined): place is Shown {
  if (place?.kind !== "shown") return false;
  const { layout, level } = place;
  return (
    layout.axes.length > 0 &&
    shows(layout.axes.at(-1) ?? [], level.features) &&
    covers(layout, dimensionsOf(level))
  );
}

/** The file's weight (n, ny) as (ny, n). */
const turned = ({ once, count }: Match, weight: Value): StoredNumbers =>
  once(weight.data as Floats, `${weight.shape}`, () => {
    const shape = [weight.shape[1] as number, weight.shape[0] as number];
    count((weight.data as Floats).byteLength);
    const to = { ...weight, shape, data: undefined };
    const op = { kind: "permute", inputs: [weight], outputs: [to], where: "" } as const;
    return { shape, data: moved({ ...op, order: [1, 0] }) as Floats };
  });

/** x·weight of a linear layer. */
export function multiply(match: Match<"matmul">): Place {
  const { node, places, nameOf, refuse } = match;
  const weight = match.op.inputs[1] as Value;
  const [place] = places;
  if (weight.data === undefined || weight.shape.length !== 2) {
    return refuse("expected a weight of the file on the right");
  }
  if (!isRows(place)) return refuse("expected a layer's whole output along the last axis");
  const { level, layout } = place;
  if (level.part.kind !== "recurrent" && level.part.kind !== "dense") {
    return refuse("expected a recurrent layer before a linear one");
  }
  const held = nameOf(weight);
  const name = moduleOfWeight(held) ?? moduleOf(node.name) ?? (held || nodeName(node));
  const description: DenseDescription = {
    name,
    weight: turned(match, weight),
    activation: "identity",
  };
  const features = [{ extent: weight.shape[1] as number }];
  const { time, batch } = level;
  const made: Level = {
    below: level,
    part: { kind: "dense", description },
    time,
    batch,
    features,
  };
  const axes = [...layout.axes.slice(0, -1), ...layoutOf(features).axes];
  return { kind: "shown", level: made, layout: { axes, starts: layout.starts }, by: node };
}

/** Changes the linear layer that a place is of. */
function changed(place: Shown, description: DenseDescription): Place {
  return { ...place, level: { ...place.level, part: { kind: "dense", description } } };
}

/** The bias (ny) of the product before. */
export function addBias(match: Match<"binary">): Place {
  const { op, places, nameOf, refuse } = match;
  if (op.code !== BINARY.add) return refuse("it is not supported");
  const at = places.findIndex((each) => each !== undefined);
  const [place, bias] = [places[at], op.inputs[1 - at] as Value];
  if (bias.data === undefined) return refuse("expected a bias of the file, got a sum of tensors");
  const isWhole = isRows(place) && place.level.part.kind === "dense";
  if (!isWhole || place.level.part.kind !== "dense") {
    return refuse("expected the product of a linear layer");
  }
  const { description } = place.level.part;
  if (description.bias !== undefined || description.activation !== "identity") {
    return refuse("expected the product of a linear layer, without a bias yet");
  }
  const {
    shape: [ny],
  } = description.weight;
  if (bias.size !== ny || (bias.shape.at(-1) ?? 1) !== ny) {
    return refuse(`expected (${ny},), got (${bias.shape})`);
  }
  const { shape } = op.outputs[0] as Value;
  const { axes, starts } = place.layout;
  const layout = { axes: [...shape.slice(axes.length).map(() => []), ...axes], starts };
  const name = moduleOfWeight(nameOf(bias)) ?? description.name;
  const held = { shape: [ny], data: bias.data };
  return changed({ ...place, layout }, { ...description, name, bias: held });
}

function activate(match: Match, activation: DenseDescription["activation"]): Place {
  const [place] = match.places;
  const part = place?.kind === "shown" ? place.level.part : undefined;
  if (part?.kind !== "dense" || part.description.activation !== "identity") {
    return match.refuse("expected a linear layer below it, without a function yet");
  }
  return changed(place as Shown, { ...part.description, activation });
}

/** Activations by the codes of the operations. */
const nameOfCode = (code: number): ActivationName | undefined =>
  (Object.keys(ACTIVATIONS) as ActivationName[]).find((name) => ACTIVATIONS[name].kind === code);

export function applyFunction(match: Match<"unary">): Place {
  const { code, alpha, beta } = match.op;
  const name = nameOfCode(code);
  if (name === undefined || name === "affine") return match.refuse("it is not supported");
  const usual = ACTIVATIONS[name];
  const given = {
    ...(alpha === usual.alpha ? {} : { alpha }),
    ...(beta === usual.beta ? {} : { beta }),
  };
  return activate(match, Object.keys(given).length === 0 ? name : { name, ...given });
}

export function softmax(match: Match<"softmax">): Place {
  const [place] = match.places;
  const { log, n } = match.op;
  const ny = (match.op.inputs[0] as Value).shape.at(-1);
  if (!isRows(place) || n !== ny) return match.refuse("expected it along the last axis");
  return activate(match, log ? "logSoftmax" : "softmax");
}
