import type { Floats } from "../../wasm/abi.js";
import type { Value } from "../value.js";
import { type Axis, covers, type Dimension, layoutOf, shown, shows } from "./layout.js";
import { dimensionsOf, type Level, type Match, OUTSIDE, type Place } from "./levels.js";

/** Thrown where an open extent of an input must have another size than the one that was tried. */
export class NeedsExtent extends Error {
  readonly dimension: Dimension;
  readonly extent: number;

  constructor(dimension: Dimension, extent: number) {
    super("an open extent of an input has a known size");
    this.dimension = dimension;
    this.extent = extent;
  }
}

const isGiven = (place: Place | undefined): boolean =>
  place?.kind === "outside" || (place?.kind === "shown" && place.level.part.kind === "given");

/** Zeros, which a model begins with, or a state that belongs to the caller. */
const isInitial = ({ once }: Match, { data }: Value, place: Place | undefined): boolean =>
  data === undefined
    ? isGiven(place)
    : once(data, "zeros", () => (data as Floats).every((each) => each === 0));

/** The one dimension of an axis; a new one for an axis of one place. */
function single(axis: Axis): Dimension | undefined {
  const dimensions = shown(axis);
  if (dimensions?.length === 0) return { extent: 1 };
  return dimensions?.length === 1 ? dimensions[0] : undefined;
}

/** The steps, sequences and level of X (T, m, nx), or why it is none. */
function inputOf(
  { op }: Match<"recurrent">,
  place: Place | undefined,
): { time: Dimension; batch: Dimension; below: Level } | string {
  const { nx } = op.layer;
  if (place?.kind !== "shown") return "expected what comes from the input";
  const { level, layout } = place;
  const [first = [], second = [], vector = []] = layout.axes;
  if (level.part.kind === "dense" || (level.part.kind === "recurrent" && !level.time)) {
    return "expected every output of the layer below, with nothing between";
  }
  if (level.part.kind === "recurrent") {
    const [time, batch] = [level.time, level.batch] as [Dimension, Dimension];
    if (!shows(vector, level.features)) {
      return "expected the whole output of the layer below along the last axis";
    }
    if (!shows(first, [time]) || !shows(second, [batch])) {
      return "expected the steps where the layer below has them";
    }
    return { time, batch, below: level };
  }
  if (level.part.kind === "given" && level.part.whole) {
    return "expected tokens to pass a table, or to become one-hot vectors";
  }
  const all = level.below === undefined ? [] : dimensionsOf(level.below);
  const [time, batch, features] = [single(first), single(second), shown(vector)];
  const isWhole =
    features !== undefined &&
    (level.part.kind === "given" || shows(vector, level.features)) &&
    covers(layout, [...all, ...dimensionsOf(level)]);
  if (!isWhole || time === undefined || batch === undefined) {
    return "expected steps, sequences and features, whole";
  }
  const [feature] = features;
  if (level.part.kind === "given" && feature !== undefined && features.length === 1) {
    if (feature.extent !== nx) throw new NeedsExtent(feature, nx);
  }
  if (level.part.kind !== "given") return { time, batch, below: level };
  const description = { kind: "features", size: nx } as const;
  return { time, batch, below: { ...level, part: { kind: "input", description } } };
}

/** Y, Y_h and Y_c of a recurrent node. */
export function recur(match: Match<"recurrent">): readonly Place[] {
  const { op, node, places, refuse } = match;
  const { node: read, layer, h, c } = op;
  const all = (place: Place): Place[] => [place, place, place];
  const states = op.inputs.slice(1, 1 + Number(h) + Number(c));
  for (const [i, value] of states.entries()) {
    const name = h && i === 0 ? "initial_h" : "initial_c";
    if (isInitial(match, value, places[i + 1])) continue;
    return all(refuse(`${name}: expected zeros, or an input of the graph`));
  }
  const lengths = op.inputs[1 + states.length];
  if (lengths !== undefined && !isGiven(places[1 + states.length])) {
    return all(refuse("sequence_lens: expected an input of the graph"));
  }
  const input = inputOf(match, places[0]);
  if (typeof input === "string") return all(refuse(`X: ${input}`));
  const { time, batch, below } = input;
  const [direction, unit] = [{ extent: layer.directions }, { extent: layer.na }];
  const part = { kind: "recurrent", node: read, layer } as const;
  const state: Level = { below, part, time: undefined, batch, features: [direction, unit] };
  const steps: Level = { ...state, time, state };
  const place = (level: Level, dimensions: readonly Dimension[]): Place => ({
    kind: "shown",
    level,
    layout: layoutOf(dimensions),
    by: node,
  });
  return [
    place(steps, [time, direction, batch, unit]),
    place(state, [direction, batch, unit]),
    op.outputs.length > 2 ? refuse("Y_c: expected Y or Y_h") : OUTSIDE,
  ];
}
