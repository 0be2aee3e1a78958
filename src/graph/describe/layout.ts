/** An extent of the network: steps, sequences, directions, units. Compared by identity. */
export interface Dimension {
  readonly extent: number;
  /** Whether the file leaves it open, and the extent is one that is tried. */
  readonly isOpen?: boolean;
}

/** `count` places of a dimension, `step` apart. */
type Factor = readonly [dimension: Dimension, count: number, step: number];

/** An axis as the factors that it joins, the outermost first. An axis of one place has none. */
export type Axis = readonly Factor[];

/**
 * Which elements of the network a tensor shows, and in which order: what is left of Reshape, Transpose, Slice, Concat and
 * their like.
 */
export interface Layout {
  readonly axes: readonly Axis[];
  /** The first place that is shown of a dimension, where that is not 0. */
  readonly starts: ReadonlyMap<Dimension, number>;
}

const wholes = (dimensions: readonly Dimension[]): Axis =>
  dimensions.filter(({ extent }) => extent > 1).map((each) => [each, each.extent, 1]);

/** A tensor whose axes are these dimensions. */
export const layoutOf = (dimensions: readonly Dimension[]): Layout => ({
  axes: dimensions.map((each) => wholes([each])),
  starts: new Map(),
});

/** Joins factors that are one run of places. */
function merged(factors: Axis): Axis {
  const result: Factor[] = [];
  for (const factor of factors) {
    const [dimension, count, step] = factor;
    const outer = result.at(-1);
    if (outer?.[0] !== dimension || outer[2] !== step * count) result.push(factor);
    else result[result.length - 1] = [dimension, outer[1] * count, step];
  }
  return result;
}

const same = (a: Axis, b: Axis): boolean =>
  a.length === b.length && a.every((factor, i) => factor.every((part, k) => part === b[i]?.[k]));

/** Whether an axis shows exactly these dimensions, all of each, the first outermost. */
export const shows = (axis: Axis, dimensions: readonly Dimension[]): boolean =>
  same(merged(axis), wholes(dimensions));

/** The dimensions of an axis that shows all of each. */
export function shown(axis: Axis): readonly Dimension[] | undefined {
  const dimensions = merged(axis).map(([dimension]) => dimension);
  return shows(axis, dimensions) ? dimensions : undefined;
}

/** Whether every place of these dimensions is shown, each dimension in its order; the axes may have any. */
export const covers = ({ axes }: Layout, dimensions: readonly Dimension[]): boolean =>
  dimensions.every((each) =>
    shows(
      axes.flat().filter(([dimension]) => dimension === each),
      [each],
    ),
  );

/** The same elements under another shape of as many; undefined where a factor would be cut at an uneven place. */
export function reshaped({ axes, starts }: Layout, shape: readonly number[]): Layout | undefined {
  const queue = [...merged(axes.flat())].reverse();
  const result = shape.map((extent): Axis => {
    const axis: Factor[] = [];
    for (let rest = extent; rest > 1; ) {
      const [dimension, count, step] = queue.pop() ?? [undefined, 0, 0];
      if (dimension === undefined) return axis;
      // The outer part of a factor goes to this axis, the inner part to the next.
      const inner = rest % count === 0 ? 1 : count / rest;
      axis.push([dimension, count / inner, step * inner]);
      if (inner !== 1) queue.push([dimension, inner, step]);
      rest /= count / inner;
    }
    return axis;
  });
  const isEven = result.flat().every(([, count]) => Number.isInteger(count));
  return isEven && queue.length === 0 ? { axes: result, starts } : undefined;
}

export const permuted = ({ axes, starts }: Layout, order: readonly number[]): Layout => ({
  axes: order.map((axis) => axes[axis] as Axis),
  starts,
});

/** The part of `shape` from `from` on, `steps` apart; undefined where that cuts an axis of several factors. */
export function cut(
  layout: Layout,
  shape: readonly number[],
  from: readonly number[],
  steps: readonly number[],
): Layout | undefined {
  const starts = new Map(layout.starts);
  const axes = layout.axes.map((axis, i) => {
    const [factor, another] = merged(axis);
    const [count, step] = [shape[i] as number, steps[i] as number];
    const size = axis.reduce((product, [, each]) => product * each, 1);
    if (count === size && step === 1) return axis;
    if (factor === undefined || another !== undefined || count === 0) return undefined;
    const [dimension, , apart] = factor;
    starts.set(dimension, (starts.get(dimension) ?? 0) + (from[i] as number) * apart);
    return count === 1 ? [] : [[dimension, count, apart * step] as const];
  });
  return axes.includes(undefined) ? undefined : { axes: axes as Axis[], starts };
}

/** Parts side by side along an axis, which are places of one dimension at equal distances. */
export function joined(parts: readonly Layout[], axis: number): Layout | undefined {
  const [first, second = first] = parts as [Layout, Layout?];
  const place = ({ starts }: Layout, dimension: Dimension) => starts.get(dimension) ?? 0;
  const all = [...new Set(parts.flatMap(({ starts }) => [...starts.keys()]))];
  const dimension = all.find((each) => place(first, each) !== place(second, each));
  if (dimension === undefined) return parts.length === 1 ? first : undefined;
  const step = place(second, dimension) - place(first, dimension);
  const fits = parts.every(
    (part, i) =>
      part.axes.every((each, k) => same(each, first.axes[k] as Axis)) &&
      all.every(
        (each) => place(part, each) - place(first, each) === (each === dimension ? i * step : 0),
      ),
  );
  if (!fits) return undefined;
  const axes = first.axes.map(
    (each, i): Axis => (i === axis ? merged([[dimension, parts.length, step], ...each]) : each),
  );
  return { axes, starts: first.starts };
}
