import { embedded, oneHot, sameAxis } from "./dense.js";
import { FLOWS } from "./flow.js";
import { axisOf, bounds, folded, integers, known, shapeOf, slices, type Work } from "./folding.js";
import type { Axis, Chain, ChainLink, Flow, Label, Value } from "./values.js";

/** Operators that only cut, transpose or join their inputs. */
const GLUE = [
  "Cast",
  "Concat",
  "Expand",
  "Gather",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
];

const OPERATORS = new Set([
  ...GLUE,
  ...Object.keys(FLOWS),
  "Constant",
  "ConstantOfShape",
  "OneHot",
  "Shape",
]);

/** The attributes of supported operators. Others are refused. */
const ATTRIBUTES: Record<string, readonly string[]> = {
  Cast: ["to"],
  Concat: ["axis"],
  Constant: ["value", "value_float", "value_floats", "value_int", "value_ints"],
  ConstantOfShape: ["value"],
  Dropout: ["ratio", "seed"],
  Elu: ["alpha"],
  Gather: ["axis"],
  Gemm: ["alpha", "beta", "transA", "transB"],
  HardSigmoid: ["alpha", "beta"],
  LeakyRelu: ["alpha"],
  LogSoftmax: ["axis"],
  OneHot: ["axis"],
  Reshape: ["allowzero"],
  Shape: ["start", "end"],
  Slice: ["starts", "ends", "axes"],
  Softmax: ["axis"],
  Squeeze: ["axes"],
  ThresholdedRelu: ["alpha"],
  Transpose: ["perm"],
  Unsqueeze: ["axes"],
};

function constant(work: Work): Value {
  const value = work.attribute("value");
  const tensor = value && work.read(value);
  if (tensor !== undefined) return known(tensor);
  for (const [name, whole] of [
    ["value_int", true],
    ["value_ints", true],
    ["value_float", false],
    ["value_floats", false],
  ] as const) {
    const given = work.attribute(name);
    if (given === undefined) continue;
    const list = name.endsWith("s") ? (whole ? given.ints : given.floats) : undefined;
    const data = Float64Array.from(list ?? [(whole ? given.i : given.f) ?? 0]);
    return { kind: "known", shape: list ? [list.length] : [], data, whole, name: "" };
  }
  return work.refuse("expected a tensor or numbers");
}

function filled(work: Work): Value {
  const [shape] = work.inputs;
  const value = work.attribute("value");
  const tensor = value && work.read(value);
  const number = tensor?.data[0] ?? 0;
  if (number === 0) return { kind: "zeros" };
  if (shape?.kind !== "known") return { kind: "opaque", node: work.node };
  const extents = Array.from(shape.data);
  const size = extents.reduce((product, extent) => product * extent, 1);
  if (!Number.isSafeInteger(size) || size < 0) return work.refuse(`got shape (${extents})`);
  work.take(size);
  const whole = tensor?.dtype === "INT64" || tensor?.dtype === "INT32";
  return {
    kind: "known",
    shape: extents,
    data: new Float64Array(size).fill(number),
    whole,
    name: "",
  };
}

/** Operators on integers that may depend on the input's sizes. */
function sizes(work: Work): Value {
  const { node, inputs } = work;
  const lists = inputs.map((value) =>
    value?.kind === "sizes" ? value.items : value?.kind === "known" ? [...value.data] : [],
  );
  const [items = []] = lists;
  if (node.operator === "Concat") return { kind: "sizes", items: lists.flat() };
  if (node.operator === "Gather" && inputs[1]?.kind === "known") {
    const chosen = Array.from(inputs[1].data, (at) => items[at < 0 ? at + items.length : at]);
    if (chosen.every((item) => item !== undefined)) return { kind: "sizes", items: chosen };
  }
  if (node.operator === "Slice" && items.length > 0) {
    const [cut] = slices(work, 1);
    const [first, last] = cut ? bounds(items.length, cut.begin, cut.end) : [0, items.length];
    return { kind: "sizes", items: items.slice(first, last) };
  }
  if (["Unsqueeze", "Squeeze", "Cast", "Identity"].includes(node.operator))
    return { kind: "sizes", items };
  return { kind: "opaque", node };
}

/** States of several directions, and layers, along axis 0. */
function stacked(work: Work, items: readonly Flow[]): Value {
  const { node, inputs, refuse } = work;
  const one = (): Flow => (items.length === 1 ? (items[0] as Flow) : refuse("expected one state"));
  switch (node.operator) {
    case "Identity":
      return { kind: "stack", items };
    case "Concat": {
      if (work.attribute("axis")?.i !== 0)
        return refuse("expected states concatenated along axis 0");
      const all = inputs.flatMap((value) =>
        value?.kind === "stack" ? value.items : refuse("got others"),
      );
      return { kind: "stack", items: all };
    }
    case "Gather": {
      const at = inputs[1];
      if (at?.kind !== "known" || (work.attribute("axis")?.i ?? 0) !== 0)
        return refuse("expected one state");
      const chosen = Array.from(at.data, (i) => items[axisOf(work, i, items.length)] as Flow);
      return at.shape.length === 0 && chosen[0] ? chosen[0] : { kind: "stack", items: chosen };
    }
    case "Slice": {
      const [cut, more] = slices(work, 3);
      if (cut?.axis !== 0 || more !== undefined) return refuse("expected states cut along axis 0");
      return { kind: "stack", items: items.slice(...bounds(items.length, cut.begin, cut.end)) };
    }
    case "Squeeze": {
      const axes = integers(work, 1, "axes");
      return axes?.length === 1 && axes[0] === 0 ? one() : refuse("expected axis 0");
    }
    default: {
      const flow = wholeOf(items) ?? refuse("expected both directions of one layer");
      return apply(work, flow);
    }
  }
}

/** All directions of one layer as one flow, (D, m, na). */
export function wholeOf(items: readonly Flow[]): Flow | undefined {
  const [first] = items;
  const { directions = 0 } = first?.chain.recurrent.at(-1) ?? {};
  const fits = items.every(({ chain, part }, d) => chain === first?.chain && (part ?? 0) === d);
  if (first === undefined || items.length !== directions || !fits) return undefined;
  const direction: Label = { size: directions };
  const { part: _, ...rest } = first;
  return {
    ...rest,
    axes: [[direction], ...first.axes],
    features: [direction, ...first.features],
  };
}

/** The states of both directions side by side: a layer's last output. */
function joinedParts(work: Work, parts: readonly Flow[]): Flow {
  const whole =
    wholeOf(parts) ?? work.refuse("expected the states of both directions, forward first");
  const { axes } = parts[0] as Flow;
  if (axisOf(work, work.attribute("axis")?.i ?? Number.NaN, axes.length) !== axes.length - 1) {
    work.refuse("expected states side by side");
  }
  return { ...whole, axes: [...axes.slice(0, -1), whole.features] };
}

function apply(work: Work, flow: Flow): Value {
  const { operator } = work.node;
  if (operator === "OneHot") return oneHot(work, flow);
  const rule = Object.hasOwn(FLOWS, operator) ? FLOWS[operator] : undefined;
  // An input of the graph that is sliced is not a sequence.
  const cut = ["Slice", "Gather", "Concat", "Expand"].includes(operator);
  if (cut && flow.chain.input === undefined && flow.chain.recurrent.length === 0)
    return { kind: "given" };
  if (rule === undefined) return { kind: "opaque", node: work.node };
  return rule(work, flow);
}

/** The first output of a node that is not recurrent. */
export function evaluate(work: Work): Value {
  const { node, inputs, refuse } = work;
  const { operator, domain, attributes } = node;
  const opaque: Value = { kind: "opaque", node };
  if (domain !== "" || !OPERATORS.has(operator)) return opaque;
  const foreign = [...attributes.keys()].find(
    (name) => !(ATTRIBUTES[operator] ?? []).includes(name),
  );
  if (foreign !== undefined) refuse(`attribute ${foreign} is not supported`);
  if (operator === "Constant") return constant(work);
  if (operator === "Shape") return shapeOf(work);
  const values = inputs.filter((value) => value !== undefined);
  const unclear = values.find((value) => value.kind === "opaque");
  if (operator === "ConstantOfShape") return filled(work);
  const result = folded(work);
  if (result !== undefined) return result;
  const [first, second] = values;
  // The shape of zeros does not matter.
  const zeros =
    first?.kind === "zeros" || (first?.kind === "known" && first.data.every((x) => x === 0));
  if (operator === "Expand" && zeros) return { kind: "zeros" };
  if (unclear !== undefined) return unclear;
  const flows = values.filter((value) => value.kind === "flow");
  const stack = values.find((value) => value.kind === "stack");
  if (stack !== undefined) return stacked(work, stack.items);
  if (operator === "Concat" && flows.length > 1 && flows.length === values.length) {
    return joinedParts(work, flows);
  }
  if (operator === "Gather" && first?.kind === "known" && second?.kind === "flow") {
    return embedded(work, second, first);
  }
  const [flow] = operator === "Add" ? flows : values;
  if (flow?.kind === "flow") return apply(work, flow);
  if (!GLUE.includes(operator)) return opaque;
  if (values.some((value) => value.kind === "sizes")) return sizes(work);
  const zero = (value: Value) =>
    value.kind === "zeros" || (value.kind === "known" && operator !== "Concat");
  if (values.length > 0 && values.every(zero)) return { kind: "zeros" };
  if (first?.kind === "given") return first;
  return opaque;
}

/** The outputs Y, Y_h and Y_c of a recurrent node. */
export function recur(
  work: Work,
  input: Flow,
  link: ChainLink,
  { layout, nx, na }: { layout: 0 | 1; nx: number; na: number },
): [Value, Value, Value] {
  const { refuse } = work;
  const { chain, axes, features } = input;
  const [first = [], second = [], vector = []] = axes;
  const [timeAxis, batchAxis] = layout === 0 ? [first, second] : [second, first];
  const [time] = timeAxis.length > 1 ? timeAxis.filter(({ size }) => size !== 1) : timeAxis;
  const [batch] = batchAxis.length > 1 ? batchAxis.filter(({ size }) => size !== 1) : batchAxis;
  if (axes.length !== 3 || time === undefined || batch === undefined || input.part !== undefined) {
    return refuse("X: expected steps, sequences and features");
  }
  if (chain.dense.length > 0 || chain.output === "last") {
    return refuse("X: expected every output of the layer below, with nothing between");
  }
  if (features.length > 0 ? !sameAxis(vector, features) : chain.input !== undefined) {
    return refuse("X: expected the whole output of the layer below along the last axis");
  }
  if (chain.time !== undefined && !sameAxis(timeAxis, [chain.time])) {
    return refuse("X: expected the steps where the layer below has them");
  }
  const direction: Label = { size: link.directions };
  const unit: Label = { size: na };
  const next: Chain = {
    ...chain,
    input: chain.input ?? { kind: "features", size: nx },
    recurrent: [...chain.recurrent, link],
    ...{ time, batch },
  };
  const whole = [direction, unit];
  const lead: Axis[] =
    layout === 0 ? [[time], [direction], [batch]] : [[batch], [time], [direction]];
  const form = { kind: "flow", whole: false } as const;
  const Y: Flow = { ...form, axes: [...lead, [unit]], features: whole, chain: next };
  // One object, so that the directions of a layer can be matched by identity.
  const last: Chain = { ...next, output: "last" };
  const items = Array.from({ length: link.directions }, (_, part): Flow => {
    const state: Flow = { ...form, axes: [[batch], [unit]], features: [unit], chain: last };
    return link.directions === 1 ? state : { ...state, part };
  });
  const opaque: Value = { kind: "opaque", node: work.node };
  return [Y, layout === 0 ? { kind: "stack", items } : opaque, opaque];
}
