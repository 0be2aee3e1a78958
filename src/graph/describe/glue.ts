import type { Operation, OperationKind } from "../operation.js";
import type { Value } from "../value.js";
import { type Describer, isWhole, type Place, type Rules, type Shown } from "./describer.js";
import { cut, joined, type Layout, permuted, reshaped } from "./layout.js";

/** The last step that a layer of one direction computes is its last state, unless sequences end before it. */
function settled(place: Shown): Shown {
  const { level, layout } = place;
  const { part, rows } = level;
  const [time, batch] = rows;
  if (part.kind !== "recurrent" || time === undefined || batch === undefined) return place;
  const isOpen = time.extent === 1 || layout.axes.flat().some(([each]) => each === time);
  const end = part.node.attributes.direction === "reverse" ? 0 : time.extent - 1;
  if (isOpen || part.node.inputs.sequence_lens || part.layer.directions > 1) return place;
  if ((layout.starts.get(time) ?? 0) !== end) return place;
  return { ...place, level: { ...level, rows: [batch] } };
}

/** A tensor under another layout. */
function laidOut(
  describer: Describer,
  place: Place | undefined,
  change: (layout: Layout) => Layout | undefined,
): Place {
  if (place?.kind === "outside") return place;
  if (place?.kind !== "shown") return describer.refuse("expected a tensor of one layer");
  const layout = change(place.layout);
  if (place.level.part.kind === "given" && !(layout && isWhole({ ...place, layout }))) {
    return { kind: "outside" };
  }
  if (layout === undefined) return describer.refuse("expected axes to be joined or cut whole");
  return settled({ ...place, layout, where: describer.where });
}

export const isGiven = (place: Place | undefined): boolean =>
  place?.kind === "outside" || (place?.kind === "shown" && place.level.part.kind === "given");

function slice(
  { starts, steps, inputs, outputs }: Operation<"slice">,
  describer: Describer,
): Place {
  const [from, { shape }] = [inputs[0] as Value, outputs[0] as Value];
  const place = describer.place(from);
  if (place?.kind !== "states") {
    return laidOut(describer, place, (layout) => cut(layout, shape, starts, steps));
  }
  const { axis, parts, extents } = place;
  const isAlone = shape.every((extent, i) => i === axis || extent === from.shape[i]);
  let start = starts[axis] as number;
  for (const [i, part] of parts.entries()) {
    if (isAlone && start >= 0 && start + (shape[axis] as number) <= (extents[i] as number)) {
      const own = starts.map((each, k) => (k === axis ? start : each));
      return laidOut(describer, part, (layout) => cut(layout, shape, own, steps));
    }
    start -= extents[i] as number;
  }
  return describer.refuse("expected states of one layer");
}

/** Parts of one level side by side, or the states of several layers. */
function concat({ axis, inputs }: Operation<"concat">, describer: Describer): Place {
  const places = inputs.map((value) => describer.place(value));
  if (places.every(isGiven)) return { kind: "outside" };
  const parts = places.filter((place) => place?.kind === "shown");
  const [first] = parts;
  if (first === undefined || parts.length < places.length) {
    return describer.refuse("expected parts of layers alone");
  }
  if (parts.some(({ level }) => level !== first.level)) {
    const extents = inputs.map(({ shape }) => shape[axis] as number);
    return { kind: "states", parts, extents, axis };
  }
  const layouts = parts.map(({ layout }) => layout);
  return laidOut(describer, first, () => joined(layouts, axis));
}

/** The same numbers under another name: one-hot vectors as floats, or tokens that came as floats. */
function cast({ inputs, outputs }: Operation, describer: Describer): Place {
  const place = describer.place(inputs[0]);
  const { kind } = outputs[0] as Value;
  if (place?.kind === "outside") return place;
  const part = place?.kind === "shown" ? place.level.part.kind : undefined;
  if (part === "input" && kind === "float") return place as Place;
  if (place?.kind !== "shown" || part !== "given" || kind !== "int") {
    return describer.refuse(`expected numbers as they are, got a cast to ${kind}`);
  }
  return { ...place, level: { ...place.level, part: { kind: "given", whole: true } } };
}

/** What moves the numbers of a tensor, or names them anew. */
export const glue: Rules = {
  reshape: (op, describer) => {
    const [from, to] = [op.inputs[0], op.outputs[0]] as [Value, Value];
    if (from.kind !== to.kind) return cast(op as Operation<OperationKind>, describer);
    return laidOut(describer, describer.place(from), (layout) => reshaped(layout, to.shape));
  },
  permute: ({ order, inputs }, describer) =>
    laidOut(describer, describer.place(inputs[0]), (layout) => permuted(layout, order)),
  // Only a state that belongs to the caller may be repeated.
  expand: ({ inputs }, describer) =>
    laidOut(describer, describer.place(inputs[0]), () => undefined),
  slice,
  concat,
  convert: cast,
};
