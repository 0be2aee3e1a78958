import type { AttributeProto, NodeProto } from "./proto.js";
import type { OnnxTensor } from "./tensor.js";
import {
  type Axis,
  concatenated,
  type Flow,
  type Known,
  type Label,
  sizeOf,
  sliced,
  strided,
  stridesOf,
  transposed,
  type Value,
} from "./values.js";

/** A node whose inputs are known, and whose outputs are computed next. */
export interface Work {
  readonly node: NodeProto;
  readonly inputs: readonly (Value | undefined)[];
  readonly opset: number;
  readonly attribute: (name: string) => AttributeProto | undefined;
  readonly read: (attribute: AttributeProto) => OnnxTensor | undefined;
  /** Counts the bytes of a tensor before it is made. */
  readonly take: (elements: number) => void;
  /** Throws: the node is not supported. */
  readonly refuse: (why: string) => never;
}

const INTEGERS = ["INT32", "INT64"];

export const known = ({ dtype, shape, data }: OnnxTensor, name = ""): Known => ({
  ...{ kind: "known", shape, data, name },
  whole: INTEGERS.includes(dtype),
});

/** An axis by its index; a negative index counts from the end. */
export function axisOf({ refuse }: Work, axis: number, rank: number): number {
  const from0 = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(from0) || from0 < 0 || from0 >= rank) {
    refuse(`expected an axis of ${rank}, got ${axis}`);
  }
  return from0;
}

/** Integers from an input, or in earlier opsets from the attribute of the same meaning. */
export function integers(work: Work, input: number, name: string): number[] | undefined {
  const given = work.inputs[input];
  if (given === undefined) {
    const list = work.attribute(name)?.ints;
    return list && [...list];
  }
  if (given.kind !== "known" || !given.whole) return work.refuse(`expected ${name} in the file`);
  return Array.from(given.data);
}

/** An extent of a shape: a number, or the label that has it. */
const itemOf = (axis: Axis): number | Label => {
  const product = axis.reduce((all, { size }) => all * (size ?? Number.NaN), 1);
  return Number.isNaN(product) ? (axis.length === 1 && axis[0]) || { size: undefined } : product;
};

/** Shape-15 may return a part of a shape, earlier versions return all of it. */
export function shapeOf(work: Work): Value {
  const [given] = work.inputs;
  if (work.attribute("start") !== undefined || work.attribute("end") !== undefined) {
    return work.refuse("expected a whole shape, got a part");
  }
  if (given?.kind === "flow") return { kind: "sizes", items: given.axes.map(itemOf) };
  if (given?.kind !== "known") return { kind: "sizes", items: [] };
  const data = Float64Array.from(given.shape);
  return { kind: "known", shape: [data.length], data, whole: true, name: "" };
}

/** Bounds of a slice along one axis, as ONNX clamps them. */
export function bounds(extent: number, begin: number, end: number): [number, number] {
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + extent : at, 0), extent);
  const first = clamp(begin);
  return [first, Math.max(first, clamp(end))];
}

/** The bounds of a Slice by axis. */
export function slices(work: Work, rank: number): { axis: number; begin: number; end: number }[] {
  const starts = integers(work, 1, "starts") ?? work.refuse("expected starts");
  const ends = integers(work, 2, "ends") ?? work.refuse("expected ends");
  const axes = integers(work, 3, "axes") ?? starts.map((_, i) => i);
  const steps = integers(work, 4, "steps") ?? starts.map(() => 1);
  if (steps.some((step) => step !== 1)) work.refuse(`expected steps of 1, got ${steps}`);
  if (ends.length !== starts.length || axes.length !== starts.length) {
    work.refuse("expected as many ends and axes as starts");
  }
  return starts.map((begin, i) => ({
    axis: axisOf(work, axes[i] as number, rank),
    begin,
    end: ends[i] as number,
  }));
}

/** Folds operators whose inputs are all constants; undefined for forms that are not folded. */
const FOLDED: Record<string, (work: Work, parts: readonly [Known, ...Known[]]) => Known> = {
  Identity: (_, [source]) => source,
  Cast: (work, [source]) => {
    const to = work.attribute("to")?.i;
    const whole = to === 6 || to === 7;
    if (!whole && to !== 1 && to !== 11) return work.refuse(`expected a known type, got ${to}`);
    work.take(source.data.length);
    const { data } = source;
    if (whole) return { ...source, whole, data: Float64Array.from(data, Math.trunc) };
    return { ...source, whole, data: to === 1 ? Float32Array.from(data) : Float64Array.from(data) };
  },
  Transpose: (work, [source]) => {
    const { shape } = source;
    const order = work.attribute("perm")?.ints ?? shape.map((_, i) => shape.length - 1 - i);
    if (`${[...order].sort()}` !== `${shape.map((_, i) => i)}`) {
      return work.refuse(`expected a permutation of ${shape.length} axes, got ${order}`);
    }
    work.take(source.data.length);
    return transposed(source, order);
  },
  Unsqueeze: (work, [source]) => {
    const axes = integers(work, 1, "axes") ?? work.refuse("expected axes");
    const rank = source.shape.length + axes.length;
    const added = axes.map((axis) => axisOf(work, axis, rank));
    if (rank > 8 || new Set(added).size !== added.length) work.refuse(`got axes ${axes}`);
    const rest = [...source.shape];
    const shape = Array.from({ length: rank }, (_, i) =>
      added.includes(i) ? 1 : (rest.shift() as number),
    );
    return { ...source, shape };
  },
  Squeeze: (work, [source]) => {
    const { shape } = source;
    const axes = integers(work, 1, "axes")?.map((axis) => axisOf(work, axis, shape.length));
    const gone = axes ?? shape.flatMap((extent, i) => (extent === 1 ? i : []));
    if (gone.some((axis) => shape[axis] !== 1)) work.refuse(`got axes ${gone} of (${shape})`);
    return { ...source, shape: shape.filter((_, i) => !gone.includes(i)) };
  },
  Reshape: (work, [source, target]) => {
    const wanted = target?.data ?? work.refuse("expected a shape");
    const open = wanted.indexOf(-1);
    if (work.attribute("allowzero")?.i) work.refuse("expected no allowzero");
    const shape = Array.from(wanted, (extent, i) =>
      extent === 0 ? (source.shape[i] ?? Number.NaN) : extent,
    );
    if (open >= 0) shape[open] = 1;
    const size = sizeOf(source.shape);
    if (open >= 0) shape[open] = size / sizeOf(shape);
    if (shape.some((extent) => !(extent >= 0)) || sizeOf(shape) !== size || shape.length > 8) {
      work.refuse(`expected a shape of ${size} numbers, got (${Array.from(wanted)})`);
    }
    return { ...source, shape };
  },
  Slice: (work, [source]) => {
    let result = source;
    for (const { axis, begin, end } of slices(work, source.shape.length)) {
      const [first, last] = bounds(result.shape[axis] as number, begin, end);
      work.take((result.data.length / Math.max(result.shape[axis] as number, 1)) * (last - first));
      result = sliced(result, axis, first, last);
    }
    return result;
  },
  Concat: (work, parts) => {
    const rank = parts[0].shape.length;
    const axis = axisOf(work, work.attribute("axis")?.i ?? Number.NaN, rank);
    const form = ({ shape }: Known) => `${shape.map((extent, i) => (i === axis ? -1 : extent))}`;
    if (parts.some((part) => form(part) !== form(parts[0]))) work.refuse("got unequal shapes");
    work.take(parts.reduce((sum, { data }) => sum + data.length, 0));
    return concatenated(parts, axis);
  },
  Gather: (work, [source, indices]) => {
    const at = indices ?? work.refuse("expected indices");
    const axis = axisOf(work, work.attribute("axis")?.i ?? 0, source.shape.length);
    const extent = source.shape[axis] as number;
    const chosen = Array.from(at.data, (index) => axisOf(work, index, extent));
    const rest = source.data.length / Math.max(extent, 1);
    work.take(rest * chosen.length);
    const parts = chosen.map((index) => sliced(source, axis, index, index + 1));
    const shape = source.shape.flatMap((each, i) => (i === axis ? at.shape : each));
    if (shape.length > 8) work.refuse(`expected rank ≤ 8, got ${shape.length}`);
    if (parts.length === 0) return { ...source, shape, data: new Float64Array(0) };
    return { ...concatenated(parts, axis), shape };
  },
  Expand: (work, [source, target]) => {
    const wanted = Array.from(target?.data ?? work.refuse("expected a shape"));
    const rank = Math.max(wanted.length, source.shape.length);
    if (rank > 8) work.refuse(`expected rank ≤ 8, got ${rank}`);
    const pad = (shape: readonly number[]) => [...Array(rank - shape.length).fill(1), ...shape];
    const [from, to] = [pad(source.shape), pad(wanted)];
    const shape = from.map((extent, i) => (extent === 1 ? (to[i] as number) : extent));
    if (shape.some((extent, i) => !(extent >= 0) || (to[i] !== 1 && to[i] !== extent))) {
      work.refuse(`got (${source.shape}) for (${wanted})`);
    }
    work.take(sizeOf(shape));
    const strides = stridesOf(from).map((stride, i) => (from[i] === 1 ? 0 : stride));
    return strided(source, shape, strides);
  },
};

/** The constant output of a node whose inputs are all constants; undefined for operators that are not folded. */
export function folded(work: Work): Known | undefined {
  const { node, inputs } = work;
  const parts = inputs.filter((value) => value !== undefined);
  const fold = Object.hasOwn(FOLDED, node.operator) ? FOLDED[node.operator] : undefined;
  if (fold === undefined || !parts.every((value) => value.kind === "known")) return undefined;
  const [first, ...others] = parts;
  return first && fold(work, [first, ...others]);
}

/**
 * The axes of a flow after a Reshape: 0 keeps an axis, −1 takes the remaining labels, a number or label takes the next labels
 * with that total extent. Undefined if the labels do not fit.
 */
export function reshaped(
  { axes }: Flow,
  target: readonly (number | Label)[],
): readonly Axis[] | undefined {
  const open = target.indexOf(-1);
  const queue = axes.flat();
  /** Takes labels from one end of the queue. */
  const take = (item: number | Label, i: number, end: "shift" | "pop"): Axis | undefined => {
    const found: Label[] = [];
    const wanted = item === 0 ? axes[i]?.length : 1;
    const numeric = typeof item === "number" && item !== 0;
    let product = 1;
    while (numeric ? product !== item : found.length !== wanted) {
      const label = queue[end]();
      if (label === undefined) return undefined;
      if (end === "shift") found.push(label);
      else found.unshift(label);
      product *= label.size ?? Number.NaN;
      if (numeric && !(product <= item)) return undefined;
    }
    if (item === 0) return found.every((label, j) => label === axes[i]?.[j]) ? found : undefined;
    if (typeof item === "object") return found[0] === item ? found : undefined;
    // An extent of 1 takes the next label if that has extent 1.
    if (item !== 1) return found;
    const next = queue[end === "shift" ? 0 : queue.length - 1];
    if (next?.size !== 1) return [{ size: 1 }];
    queue[end]();
    return [next];
  };
  const before = target.slice(0, open < 0 ? target.length : open);
  const after = open < 0 ? [] : target.slice(open + 1);
  const front = before.map((item, i) => take(item, i, "shift"));
  const back = after
    .map((item, i) => [item, open + 1 + i] as const)
    .reverse()
    .map(([item, i]) => take(item, i, "pop"))
    .reverse();
  const middle = open < 0 ? [] : [queue.splice(0)];
  const result = [...front, ...middle, ...back];
  // Remaining labels of extent 1 are dropped.
  if (queue.some(({ size }) => size !== 1) || result.some((axis) => axis === undefined)) {
    return undefined;
  }
  return result as Axis[];
}
