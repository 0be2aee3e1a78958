import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Axis,
  covers,
  cut,
  type Dimension,
  joined,
  type Layout,
  layoutOf,
  permuted,
  reshaped,
  shows,
} from "../../../src/graph/describe/layout.js";

// The oracle: a tensor of the numbers of the network's elements, moved element by element.
interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const indexOf = (shape: readonly number[], place: number): number[] => {
  const index: number[] = [];
  let rest = place;
  for (const extent of [...shape].reverse()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return index;
};
const placeOf = (shape: readonly number[], index: readonly number[]): number =>
  shape.reduce((place, extent, i) => place * extent + (index[i] as number), 0);
/** A tensor of `shape` whose element at an index is that of `x` at `from(index)`. */
const drawn = (x: Tensor, shape: number[], from: (index: number[]) => number[]): Tensor => ({
  shape,
  data: Array.from(
    { length: sizeOf(shape) },
    (_, i) => x.data[placeOf(x.shape, from(indexOf(shape, i)))] as number,
  ),
});

/** The elements that a layout shows, by their numbers in C order of the dimensions. */
function elementsOf({ axes, starts }: Layout, dimensions: readonly Dimension[]): number[] {
  const strides = dimensions.map((_, i) => sizeOf(dimensions.slice(i + 1).map((d) => d.extent)));
  const strideOf = (dimension: Dimension) => strides[dimensions.indexOf(dimension)] as number;
  const first = [...starts].reduce((sum, [each, start]) => sum + start * strideOf(each), 0);
  const factors = axes.flat();
  const counts = factors.map(([, count]) => count);
  return Array.from({ length: sizeOf(counts) }, (_, i) =>
    indexOf(counts, i).reduce((sum, at, k) => {
      const [dimension, , step] = factors[k] as Axis[number];
      return sum + at * step * strideOf(dimension);
    }, first),
  );
}

const EXTENTS = [1, 2, 3, 4, 6];
const dimensionsArb = fc
  .array(fc.constantFrom(...EXTENTS), { minLength: 1, maxLength: 4 })
  .map((list) => list.map((extent): Dimension => ({ extent })));

/** One change of a tensor, by numbers that are taken modulo what there is. */
const changeArb = fc.record({
  kind: fc.constantFrom("reshape", "permute", "slice", "halves"),
  seeds: fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 }),
});
type Change = typeof changeArb extends fc.Arbitrary<infer T> ? T : never;

/** Some shape of as many elements. */
function shapeFrom(size: number, seeds: readonly number[]): number[] {
  const shape: number[] = [];
  let rest = size;
  for (const seed of seeds.slice(0, 3)) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0);
    const extent = divisors[seed % divisors.length] as number;
    shape.push(extent);
    rest /= extent;
  }
  return [...shape, rest];
}

function apply(
  { kind, seeds }: Change,
  x: Tensor,
  layout: Layout,
): { x: Tensor; layout: Layout | undefined } {
  const rank = x.shape.length;
  if (kind === "reshape") {
    const shape = shapeFrom(x.data.length, seeds);
    return { x: { shape, data: x.data }, layout: reshaped(layout, shape) };
  }
  if (kind === "permute") {
    const order = x.shape.map((_, i) => i).sort((a, b) => (seeds[a] ?? 0) - (seeds[b] ?? 0));
    const shape = order.map((axis) => x.shape[axis] as number);
    const turned = drawn(x, shape, (index) => {
      const from = [...index];
      order.forEach((axis, i) => {
        from[axis] = index[i] as number;
      });
      return from;
    });
    return { x: turned, layout: permuted(layout, order) };
  }
  const axis = (seeds[0] as number) % rank;
  const extent = x.shape[axis] as number;
  if (kind === "slice") {
    const start = (seeds[1] as number) % extent;
    const count = 1 + ((seeds[2] as number) % (extent - start));
    const backward = (seeds[3] as number) % 4 === 0;
    const [first, step] = backward ? [start + count - 1, -1] : [start, 1];
    const shape = x.shape.map((n, i) => (i === axis ? count : n));
    const starts = shape.map((_, i) => (i === axis ? first : 0));
    const steps = shape.map((_, i) => (i === axis ? step : 1));
    const part = drawn(x, shape, (index) =>
      index.map((at, i) => (starts[i] as number) + at * (steps[i] as number)),
    );
    return { x: part, layout: cut(layout, shape, starts, steps) };
  }
  // Cut into single places, which are joined again along another axis.
  const along = (seeds[1] as number) % rank;
  const shape = x.shape.map((n, i) => (i === axis ? 1 : n));
  const steps = shape.map(() => 1);
  const parts = Array.from({ length: extent }, (_, place) => {
    const starts = shape.map((_, i) => (i === axis ? place : 0));
    return cut(layout, shape, starts, steps);
  });
  const whole = shape.map((n, i) => (i === along ? n * extent : n));
  const own = shape[along] as number;
  const moved = drawn(x, whole, (index) => {
    const at = index[along] as number;
    const inner = index.map((each, i) => (i === along ? at % own : each));
    return inner.map((each, i) => (i === axis ? Math.floor(at / own) : each));
  });
  const known = parts.every((each) => each !== undefined);
  return { x: moved, layout: known ? joined(parts as Layout[], along) : undefined };
}

describe("a layout shows the elements that the tensor has, moved one by one, seeded", () => {
  it("through ten reshapes, permutations, slices and concatenations", () => {
    let followed = 0;
    const property = fc.property(
      dimensionsArb,
      fc.array(changeArb, { maxLength: 10 }),
      (dimensions, changes) => {
        const shape = dimensions.map(({ extent }) => extent);
        let x: Tensor = { shape, data: Array.from({ length: sizeOf(shape) }, (_, i) => i) };
        let layout = layoutOf(dimensions);
        for (const change of changes) {
          const next = apply(change, x, layout);
          // Where a layout cannot say it, describeOnnx refuses.
          if (next.layout === undefined) break;
          followed++;
          ({ x } = next);
          layout = next.layout;
          expect(layout.axes.map((axis) => sizeOf(axis.map(([, n]) => n)))).toEqual(x.shape);
          expect(elementsOf(layout, dimensions)).toEqual(x.data);
        }
        // A whole axis is one whose elements are those of the dimension.
        for (const each of dimensions) {
          if (x.data.length !== sizeOf(shape) || !covers(layout, dimensions)) break;
          const alone = layout.axes.find((axis) => axis.some(([other]) => other === each)) ?? [];
          if (!shows(alone, [each])) continue;
          expect(alone.every(([, , step]) => step > 0)).toBe(true);
        }
      },
    );
    fc.assert(property, { seed: 1, numRuns: 3000 });
    // The property would hold of nothing if no layout were found.
    expect(followed).toBeGreaterThan(6000);
  });
});

describe("what shows, covers and joins", () => {
  const [t, m, d] = [{ extent: 4 }, { extent: 3 }, { extent: 2 }];

  it("two dimensions of one size are two", () => {
    const [a, b] = [{ extent: 3 }, { extent: 3 }];
    expect(shows(layoutOf([a]).axes[0] as Axis, [b])).toBe(false);
  });

  it("a dimension in two axes, turned around, or in part is not covered", () => {
    const whole = layoutOf([t, m]);
    expect(covers(permuted(whole, [1, 0]), [t, m])).toBe(true);
    expect(covers(reshaped(whole, [2, 2, 3]) as Layout, [t, m])).toBe(true);
    expect(covers(permuted(reshaped(whole, [2, 2, 3]) as Layout, [1, 0, 2]), [t, m])).toBe(false);
    expect(covers(cut(whole, [4, 3], [3, 0], [-1, 1]) as Layout, [t, m])).toBe(false);
    expect(covers(cut(whole, [3, 3], [0, 0], [1, 1]) as Layout, [t, m])).toBe(false);
  });

  it("directions are joined in their order", () => {
    const state = layoutOf([d, m]);
    const [first, second] = [0, 1].map((i) => {
      const one = cut(state, [1, 3], [i, 0], [1, 1]) as Layout;
      return reshaped(one, [3]) as Layout;
    }) as [Layout, Layout];
    expect(shows(joined([first, second], 0)?.axes[0] as Axis, [d, m])).toBe(true);
    expect(shows(joined([second, first], 0)?.axes[0] as Axis, [d, m])).toBe(false);
    expect(joined([first, first], 0)).toBe(undefined);
    expect(joined([first, second, first], 0)).toBe(undefined);
  });
});
