import { DENSE, sameAxis } from "./dense.js";
import { axisOf, bounds, integers, reshaped, slices, type Work } from "./folding.js";
import type { Axis, Chain, Flow } from "./values.js";

const withAxes = (flow: Flow, axes: readonly Axis[]): Flow => ({ ...flow, axes });

/** Selects one step: the last that each direction has computed. */
function lastStep(work: Work, flow: Flow, begin: number, end: number): Chain {
  const { chain } = flow;
  const top = chain.recurrent.at(-1);
  if (top === undefined || top.directions !== 1 || flow.part !== undefined) {
    return work.refuse("expected the last step of one direction");
  }
  const wanted = top.reverse ? begin === 0 && end === 1 : begin === -1;
  if (!wanted || chain.output === "last") work.refuse(`expected the last step alone`);
  return { ...chain, output: "last" };
}

const isTime = ({ chain }: Flow, axis: Axis): boolean =>
  chain.time !== undefined && sameAxis(axis, [chain.time]);

function squeezed(work: Work, flow: Flow): Flow {
  const { axes } = flow;
  const listed = integers(work, 1, "axes")?.map((axis) => axisOf(work, axis, axes.length));
  const isOne = (axis: Axis | undefined) => axis?.every(({ size }) => size === 1) ?? false;
  const gone = listed ?? axes.flatMap((axis, i) => (isOne(axis) ? i : []));
  if (!gone.every((axis) => isOne(axes[axis]))) work.refuse("expected axes of extent 1");
  return withAxes(
    flow,
    axes.filter((_, i) => !gone.includes(i)),
  );
}

function unsqueezed(work: Work, flow: Flow): Flow {
  const added = integers(work, 1, "axes") ?? work.refuse("expected axes");
  const axes = [...flow.axes];
  const rank = axes.length + added.length;
  for (const axis of added.map((each) => axisOf(work, each, rank)).sort((a, b) => a - b)) {
    axes.splice(axis, 0, [{ size: 1 }]);
  }
  return withAxes(flow, axes);
}

function reshapedFlow(work: Work, flow: Flow): Flow {
  const target = work.inputs[1];
  if (work.attribute("allowzero")?.i) work.refuse("expected no allowzero");
  const items =
    target?.kind === "sizes" ? target.items : target?.kind === "known" ? [...target.data] : [];
  const axes =
    reshaped(flow, items) ?? work.refuse("expected axes to be concatenated or split whole");
  return withAxes(flow, axes);
}

function gathered(work: Work, flow: Flow): Flow {
  const index = work.inputs[1];
  const axis = axisOf(work, work.attribute("axis")?.i ?? 0, flow.axes.length);
  const [time] = flow.axes[axis] as Axis;
  if (index?.kind !== "known" || index.data.length !== 1 || !time || !isTime(flow, [time])) {
    return work.refuse("expected one step");
  }
  const at = index.data[0] as number;
  const { size } = time;
  const chain = lastStep(work, flow, size !== undefined && at === size - 1 ? -1 : at, at + 1);
  const kept = index.shape.length === 0 ? [] : [[{ size: 1 }]];
  return { ...flow, chain, axes: flow.axes.flatMap((each, i) => (i === axis ? kept : [each])) };
}

function slicedFlow(work: Work, flow: Flow): Flow {
  let result = flow;
  for (const { axis, begin, end } of slices(work, flow.axes.length)) {
    const old = result.axes[axis] as Axis;
    const size = old.length === 1 ? old[0]?.size : undefined;
    if (begin === 0 && end >= (size ?? 2 ** 31 - 1)) continue;
    if (!isTime(result, old)) return work.refuse("expected steps, or all");
    const [first, last] = size === undefined ? [begin, end] : bounds(size, begin, end);
    const open = size === undefined ? end >= 2 ** 31 - 1 : last === size;
    const fromEnd =
      open && (begin === -1 || (size !== undefined && first === size - 1)) ? -1 : first;
    const chain = lastStep(work, result, fromEnd, last);
    result = {
      ...result,
      chain,
      axes: result.axes.map((each, i) => (i === axis ? [{ size: 1 }] : each)),
    };
  }
  return result;
}

function transposedFlow(work: Work, flow: Flow): Flow {
  const { axes } = flow;
  const order = work.attribute("perm")?.ints ?? axes.map((_, i) => axes.length - 1 - i);
  if (`${[...order].sort()}` !== `${axes.map((_, i) => i)}`) {
    work.refuse(`expected a permutation of ${axes.length} axes, got ${order}`);
  }
  return withAxes(
    flow,
    order.map((axis) => axes[axis] as Axis),
  );
}

/** Cast. A cast between floats, or between integers, does not change the flow. */
function cast(work: Work, flow: Flow): Flow {
  const to = work.attribute("to")?.i ?? 0;
  const fits = flow.whole ? [6, 7] : [1, 10, 11, 16];
  return fits.includes(to) ? flow : work.refuse(`expected type ${fits.join(" or ")}, got ${to}`);
}

function dropout(work: Work, flow: Flow): Flow {
  const training = work.inputs[2];
  const off = training === undefined || (training.kind === "known" && training.data[0] === 0);
  return off ? flow : work.refuse("expected no training");
}

/** The effect of each operator on a flow, which is the first input (either input of Add). */
export const FLOWS: Record<string, (work: Work, flow: Flow) => Flow> = {
  Identity: (_, flow) => flow,
  Cast: cast,
  Dropout: dropout,
  Transpose: transposedFlow,
  Reshape: reshapedFlow,
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Gather: gathered,
  Slice: slicedFlow,
  ...DENSE,
};
