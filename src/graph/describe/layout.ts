/** An extent of the network: steps, sequences, directions, units. Compared by identity. */
export interface Dimension {
  readonly extent: number;
}

/** `count` places of a dimension, `step` apart. */
interface Factor {
  readonly dimension: Dimension;
  readonly count: number;
  readonly step: number;
}

/** An axis as the factors that it joins, the outermost first. An axis of one place has none. */
export type Axis = readonly Factor[];

/**
 * How a tensor shows dimensions: what Reshape, Transpose, Slice, Concat and their like do to it. Each element of the tensor
 * is an element of the network; two layouts are the same if they show the same elements in the same order.
 */
export interface Layout {
  readonly axes: readonly Axis[];
  /** The first place that is shown of a dimension, where that is not 0. */
  readonly starts: ReadonlyMap<Dimension, number>;
}

const whole = (dimension: Dimension): Axis =>
  dimension.extent === 1 ? [] : [{ dimension, count: dimension.extent, step: 1 }];

/** A tensor whose axes are these dimensions. */
export const layoutOf = (dimensions: readonly Dimension[]): Layout => ({
  axes: dimensions.map(whole),
  starts: new Map(),
});

/** Joins factors that are one run of places. */
function merged(factors: Axis): Axis {
  const result: Factor[] = [];
  for (const factor of factors) {
    const outer = result.at(-1);
    const goesOn =
      outer?.dimension === factor.dimension && outer.step === factor.step * factor.count;
    if (goesOn) result.push({ ...factor, count: (result.pop() as Factor).count * factor.count });
    else result.push(factor);
  }
  return result;
}

/** Whether an axis shows exactly these dimensions, all of each, the first outermost. */
export function shows(axis: Axis, dimensions: readonly Dimension[]): boolean {
  const expected = dimensions.flatMap(whole);
  const found = merged(axis);
  return (
    found.length === expected.length &&
    found.every(({ dimension, count, step }, i) => {
      const want = expected[i] as Factor;
      return dimension === want.dimension && count === want.count && step === want.step;
    })
  );
}

/** The dimensions of an axis that shows all of each. */
export function shown(axis: Axis): Dimension[] | undefined {
  const dimensions = merged(axis).map(({ dimension }) => dimension);
  return shows(axis, dimensions) ? dimensions : undefined;
}

/** Whether every place of these dimensions is shown, each dimension in its order; the axes may have any. */
export function covers({ axes }: Layout, dimensions: readonly Dimension[]): boolean {
  const factors = axes.flat();
  return dimensions.every((each) =>
    shows(
      factors.filter(({ dimension }) => dimension === each),
      [each],
    ),
  );
}

/** The same elements under another shape of as many; undefined where a factor would have to be cut at an uneven place. */
export function reshaped({ axes, starts }: Layout, shape: readonly number[]): Layout | undefined {
  const queue = [...merged(axes.flat())].reverse();
  const result: Axis[] = [];
  for (const extent of shape) {
    const axis: Factor[] = [];
    for (let rest = extent; rest !== 1; ) {
      const factor = queue.pop();
      if (factor === undefined || rest === 0) return undefined;
      const { count, step } = factor;
      if (rest % count === 0) {
        axis.push(factor);
        rest /= count;
        continue;
      }
      if (count % rest !== 0) return undefined;
      const inner = count / rest;
      axis.push({ ...factor, count: rest, step: step * inner });
      queue.push({ ...factor, count: inner });
      rest = 1;
    }
    result.push(axis);
  }
  return queue.length === 0 ? { axes: result, starts } : undefined;
}

export const permuted = ({ axes, starts }: Layout, order: readonly number[]): Layout => ({
  axes: order.map((axis) => axes[axis] as Axis),
  starts,
});

/** A part of a tensor: `shape` places from `starts` on, `steps` apart. Undefined where the part is no layout. */
export function cut(
  layout: Layout,
  shape: readonly number[],
  from: readonly number[],
  steps: readonly number[],
): Layout | undefined {
  const starts = new Map(layout.starts);
  const cutAxis = (axis: Axis, start: number, count: number, step: number): Axis | undefined => {
    const [outer, ...inner] = axis;
    if (outer === undefined) return start === 0 && count === 1 ? [] : undefined;
    if (inner.length === 0) {
      const { dimension } = outer;
      starts.set(dimension, (starts.get(dimension) ?? 0) + start * outer.step);
      return count === 1 ? [] : [{ dimension, count, step: outer.step * step }];
    }
    const size = inner.reduce((product, factor) => product * factor.count, 1);
    if (step !== 1) return undefined;
    if (start % size === 0 && count % size === 0) {
      return [...(cutAxis([outer], start / size, count / size, 1) ?? []), ...inner];
    }
    const first = Math.floor(start / size);
    if (Math.floor((start + count - 1) / size) !== first) return undefined;
    cutAxis([outer], first, 1, 1);
    return cutAxis(inner, start - first * size, count, 1);
  };
  const axes = layout.axes.map((axis, i) => {
    const [start, count, step] = [from[i], shape[i], steps[i]] as [number, number, number];
    return count === 0 ? undefined : cutAxis(merged(axis), start, count, step);
  });
  return axes.includes(undefined) ? undefined : { axes: axes as Axis[], starts };
}

const sameAxes = (a: Layout, b: Layout): boolean =>
  a.axes.length === b.axes.length &&
  a.axes.every((axis, i) => {
    const other = b.axes[i] as Axis;
    return (
      axis.length === other.length &&
      axis.every(({ dimension, count, step }, k) => {
        const each = other[k] as Factor;
        return dimension === each.dimension && count === each.count && step === each.step;
      })
    );
  });

/** Parts side by side along an axis: they must be equally spaced in one dimension. */
export function joined(parts: readonly Layout[], axis: number): Layout | undefined {
  const [first, second] = parts as [Layout, Layout | undefined];
  if (second === undefined) return first;
  const places = (layout: Layout, dimension: Dimension) => layout.starts.get(dimension) ?? 0;
  const known = new Set([...first.starts.keys(), ...second.starts.keys()]);
  const moved = [...known].filter((each) => places(first, each) !== places(second, each));
  const [dimension] = moved;
  if (dimension === undefined || moved.length > 1) return undefined;
  const step = places(second, dimension) - places(first, dimension);
  const fits = parts.every(
    (part, i) =>
      sameAxes(part, first) &&
      [...known, ...part.starts.keys()].every(
        (each) => places(part, each) === places(first, each) + (each === dimension ? i * step : 0),
      ),
  );
  if (!fits) return undefined;
  const factor: Factor = { dimension, count: parts.length, step };
  return {
    axes: first.axes.map((each, i) => (i === axis ? merged([factor, ...each]) : each)),
    starts: first.starts,
  };
}
