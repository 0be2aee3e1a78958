import type { Value } from "../value.js";
import { covers, cut, joined, type Layout, layoutOf, permuted, reshaped } from "./layout.js";
import {
  dimensionsOf,
  type Match,
  moduleOf,
  moduleOfWeight,
  OUTSIDE,
  type Place,
  type Shown,
} from "./levels.js";

/** The last step that a direction computes is its state. */
function settled(place: Shown): Shown {
  const { level, layout } = place;
  const { time, state, part, features } = level;
  const [direction] = features;
  const isOpen = layout.axes
    .flat()
    .some(({ dimension }) => dimension === time || dimension === direction);
  if (state === undefined || time === undefined || direction === undefined || isOpen) return place;
  if (part.kind !== "recurrent" || time.extent === 1) return place;
  const backward = layout.starts.get(direction) === 1;
  const reverse = backward || part.node.attributes.direction === "reverse";
  const end = reverse ? 0 : time.extent - 1;
  if ((layout.starts.get(time) ?? 0) !== end) return place;
  const starts = new Map(layout.starts);
  starts.delete(time);
  return { ...place, level: state, layout: { axes: layout.axes, starts } };
}

/** The first input under another layout. */
function laidOut(match: Match, change: (layout: Layout) => Layout | undefined): Place {
  const [place] = match.places;
  if (place === undefined) return match.refuse("expected no numbers of the file");
  if (place.kind === "parts") return match.refuse("expected the states of one layer");
  if (place.kind !== "shown") return place;
  const { level } = place;
  const layout = change(place.layout);
  if (level.part.kind === "given" && !(layout && covers(layout, dimensionsOf(level)))) {
    return OUTSIDE;
  }
  if (layout === undefined) return match.refuse("expected axes to be joined or cut whole");
  return settled({ ...place, layout, by: match.node });
}

export function reshape(match: Match<"reshape">): Place {
  const [from, to] = [match.op.inputs[0], match.op.outputs[0]] as [Value, Value];
  return from.kind === to.kind ? laidOut(match, (each) => reshaped(each, to.shape)) : cast(match);
}

export const permute = (match: Match<"permute">): Place =>
  laidOut(match, (layout) => permuted(layout, match.op.order));

export function slice(match: Match<"slice">): Place {
  const { starts, steps, inputs, outputs } = match.op;
  const [from, { shape }] = [inputs[0] as Value, outputs[0] as Value];
  const [place] = match.places;
  if (place?.kind !== "parts") return laidOut(match, (each) => cut(each, shape, starts, steps));
  const { axis } = place;
  const isAlone = shape.every((extent, i) => i === axis || extent === from.shape[i]);
  let start = starts[axis] as number;
  for (const [i, part] of place.parts.entries()) {
    const extent = place.extents[i] as number;
    if (isAlone && start >= 0 && start + (shape[axis] as number) <= extent) {
      const own = starts.map((each, k) => (k === axis ? start : each));
      return laidOut({ ...match, places: [part] }, (each) => cut(each, shape, own, steps));
    }
    start -= extent;
  }
  return match.refuse("expected states of one layer");
}

/** Only a state that belongs to the caller may be repeated. */
export const expand = (match: Match<"expand">): Place => laidOut(match, () => undefined);

/** Parts of one level side by side, or the states of several. */
export function concat(match: Match<"concat">): Place {
  const { axis, inputs } = match.op;
  const { places, node } = match;
  const given = (each: Place | undefined): boolean =>
    each?.kind === "outside" || (each?.kind === "shown" && each.level.part.kind === "given");
  if (places.every(given)) return OUTSIDE;
  const parts = places.filter((each) => each?.kind === "shown");
  const [first] = parts;
  if (first === undefined || parts.length < places.length) {
    return match.refuse("expected the states of layers alone");
  }
  const { level } = first;
  if (parts.some((each) => each.level !== level)) {
    const extents = inputs.map(({ shape }) => shape[axis] as number);
    return { kind: "parts", parts, extents, axis, by: node };
  }
  const layout = joined(
    parts.map((each) => each.layout),
    axis,
  );
  if (layout === undefined) return match.refuse("expected parts of a layer side by side");
  return { ...first, layout, by: node };
}

/** Numbers under another name: floats of one-hot vectors, tokens that came as floats. */
export function cast(match: Match): Place {
  const [place] = match.places;
  const { kind } = match.op.outputs[0] as Value;
  if (place?.kind === "outside") return place;
  if (place?.kind !== "shown") return match.refuse("expected a tensor of the network");
  const { part } = place.level;
  if (part.kind === "input" && kind === "float") return place;
  if (part.kind === "given" && kind === "int") {
    return { ...place, level: { ...place.level, part: { kind: "given", whole: true } } };
  }
  return match.refuse(`expected numbers as they are, got a cast to ${kind}`);
}

/** Whether a place is the graph's tokens, whole. */
export const isTokens = (place: Place | undefined): place is Shown =>
  place?.kind === "shown" &&
  place.level.part.kind === "given" &&
  place.level.part.whole &&
  covers(place.layout, dimensionsOf(place.level));

/** Tokens select rows of a table (V, nx). */
export function gather(match: Match<"gather">): Place {
  const { op, node, places, nameOf } = match;
  const table = op.inputs[0] as Value;
  const [x, place] = places;
  if (x?.kind === "outside") return x;
  const { shape, data } = table;
  if (data === undefined || shape.length !== 2 || op.outer !== 1 || !isTokens(place)) {
    return match.refuse("expected tokens that choose rows of a table");
  }
  const weight = nameOf(table);
  const name = moduleOfWeight(weight) ?? moduleOf(node.name) ?? weight;
  const made = { extent: shape[1] as number };
  const level = {
    below: place.level,
    part: { kind: "input", description: { kind: "embedding", name, weight: { shape, data } } },
    time: undefined,
    batch: undefined,
    features: [made],
  } as const;
  const { axes, starts } = place.layout;
  const layout = { axes: [...axes, ...layoutOf([made]).axes], starts };
  return { kind: "shown", level, layout, by: node };
}
