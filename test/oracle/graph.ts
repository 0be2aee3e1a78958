import { get, type Tensor, zeros } from "./tensor.js";

// ONNX's operators as their pages write them, one output element at a time, in float64. An output is a function of its index.

export type Index = readonly number[];

/** A tensor whose elements are computed by their index. */
export function build(shape: readonly number[], element: (index: Index) => number): Tensor {
  const result = zeros(...shape);
  const index = shape.map(() => 0);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = element(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return result;
}

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const map = (x: Tensor, f: (value: number) => number): Tensor => ({
  shape: x.shape,
  data: x.data.map(f),
});

/** Where an element of the joint shape stands in an operand of fewer or smaller axes. */
function within(x: Tensor, index: Index): number[] {
  const own = index.slice(index.length - x.shape.length);
  return own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i));
}

export function jointShape(...tensors: readonly Tensor[]): number[] {
  const rank = Math.max(...tensors.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const extents = tensors.map(({ shape }) => shape[shape.length - rank + i] ?? 1);
    return extents.find((extent) => extent !== 1) ?? 1;
  });
}

export const combine = (f: (...values: number[]) => number, ...tensors: Tensor[]): Tensor =>
  build(jointShape(...tensors), (index) => f(...tensors.map((x) => get(x, ...within(x, index)))));

export const transpose = (x: Tensor, order: readonly number[]): Tensor =>
  build(
    order.map((axis) => x.shape[axis] as number),
    (index) => {
      const from: number[] = [];
      order.forEach((axis, i) => {
        from[axis] = index[i] as number;
      });
      return get(x, ...from);
    },
  );

export const reshape = (x: Tensor, shape: readonly number[]): Tensor => ({ shape, data: x.data });

export const expand = (x: Tensor, shape: readonly number[]): Tensor =>
  build(shape, (index) => get(x, ...within(x, index)));

/** x[start], x[start + step], … along an axis. */
export const slice = (
  x: Tensor,
  axis: number,
  { start, count, step }: { start: number; count: number; step: number },
): Tensor =>
  build(
    x.shape.map((extent, i) => (i === axis ? count : extent)),
    (index) => get(x, ...index.map((i, a) => (a === axis ? start + i * step : i))),
  );

export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors as [Tensor];
  const total = tensors.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
  return build(
    first.shape.map((extent, i) => (i === axis ? total : extent)),
    (index) => {
      let place = index[axis] as number;
      for (const x of tensors) {
        const extent = x.shape[axis] as number;
        if (place < extent) return get(x, ...index.map((i, a) => (a === axis ? place : i)));
        place -= extent;
      }
      throw new RangeError("concat");
    },
  );
}

export function pad(
  x: Tensor,
  { before, after, mode }: { before: readonly number[]; after: readonly number[]; mode: string },
): Tensor {
  return build(
    x.shape.map((n, i) => n + (before[i] as number) + (after[i] as number)),
    (index) => {
      const from = index.map((i, axis) => {
        const n = x.shape[axis] as number;
        const place = i - (before[axis] as number);
        if (mode === "edge") return Math.min(Math.max(place, 0), n - 1);
        if (mode === "reflect") return place < 0 ? -place : place >= n ? 2 * n - 2 - place : place;
        return place;
      });
      const outside = from.some((i, axis) => i < 0 || i >= (x.shape[axis] as number));
      return outside ? 0 : get(x, ...from);
    },
  );
}

/** f of all elements that axes leave at one place. */
export function reduce(
  x: Tensor,
  axes: readonly number[],
  keep: boolean,
  f: (values: readonly number[]) => number,
): Tensor {
  const full = x.shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
  const result = build(full, (index) => {
    const values: number[] = [];
    const part = x.shape.map((extent, i) => (axes.includes(i) ? extent : 1));
    build(part, (inner) => {
      values.push(get(x, ...index.map((i, a) => (axes.includes(a) ? (inner[a] as number) : i))));
      return 0;
    });
    return f(values);
  });
  return keep
    ? result
    : reshape(
        result,
        x.shape.filter((_, i) => !axes.includes(i)),
      );
}

export const softmax = (x: Tensor, axis: number, log = false): Tensor =>
  build(x.shape, (index) => {
    const line = Array.from({ length: x.shape[axis] as number }, (_, k) =>
      get(x, ...index.map((i, a) => (a === axis ? k : i))),
    );
    const most = Math.max(...line);
    const sum = line.reduce((total, value) => total + Math.exp(value - most), 0);
    const rest = get(x, ...index) - most;
    return log ? rest - Math.log(sum) : Math.exp(rest) / sum;
  });

export const cumulate = (x: Tensor, axis: number, exclusive: boolean, reverse: boolean): Tensor =>
  build(x.shape, (index) => {
    const n = x.shape[axis] as number;
    const place = index[axis] as number;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const goes = reverse
        ? k > place || (k === place && !exclusive)
        : k < place || (k === place && !exclusive);
      if (goes) sum += get(x, ...index.map((i, a) => (a === axis ? k : i)));
    }
    return sum;
  });

/** Matrices in the last two axes, the others broadcast. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1) as number;
  const leading = jointShape(zeros(...a.shape.slice(0, -2)), zeros(...b.shape.slice(0, -2)));
  return build([...leading, m, n], (index) => {
    const [i, j] = index.slice(-2) as [number, number];
    const outer = index.slice(0, -2);
    const place = (x: Tensor): number[] => {
      const own = outer.slice(outer.length - (x.shape.length - 2));
      return own.map((at, axis) => (x.shape[axis] === 1 ? 0 : at));
    };
    let sum = 0;
    for (let l = 0; l < k; l++) sum += get(a, ...place(a), i, l) * get(b, ...place(b), l, j);
    return sum;
  });
}

export interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before each axis, then after each. */
  readonly pads: readonly number[];
}

/** Places of a window's output along each axis. */
export const placesOf = (
  spatial: readonly number[],
  kernel: readonly number[],
  { strides, dilations, pads }: Window,
): number[] =>
  spatial.map((n, i) => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    const whole = n + (pads[i] as number) + (pads[i + spatial.length] as number);
    return Math.floor((whole - reach) / (strides[i] as number)) + 1;
  });

/** The elements under the window at `place`, with their place in the kernel; none where it lies in the padding. */
function under(
  x: Tensor,
  channel: readonly [number, number],
  place: Index,
  kernel: readonly number[],
  { strides, dilations, pads }: Window,
  visit: (value: number, at: Index) => void,
): void {
  build(kernel, (at) => {
    const from = place.map(
      (p, i) =>
        p * (strides[i] as number) +
        (at[i] as number) * (dilations[i] as number) -
        (pads[i] as number),
    );
    const inside = from.every((i, axis) => i >= 0 && i < (x.shape[axis + 2] as number));
    if (inside) visit(get(x, ...channel, ...from), [...at]);
    return 0;
  });
}

export function conv(
  x: Tensor,
  W: Tensor,
  B: Tensor | undefined,
  window: Window & { groups: number },
): Tensor {
  const [M, Cg, ...kernel] = W.shape as [number, number, ...number[]];
  const places = placesOf(x.shape.slice(2), kernel, window);
  return build([x.shape[0] as number, M, ...places], ([n, m, ...place]) => {
    const group = Math.floor((m as number) / (M / window.groups));
    let sum = B === undefined ? 0 : get(B, m as number);
    for (let c = 0; c < Cg; c++) {
      under(x, [n as number, group * Cg + c], place, kernel, window, (value, at) => {
        sum += value * get(W, m as number, c, ...at);
      });
    }
    return sum;
  });
}

export const pool = (
  x: Tensor,
  kernel: readonly number[],
  window: Window,
  mode: "max" | "mean" | "meanWithPadding",
): Tensor =>
  build(
    [...x.shape.slice(0, 2), ...placesOf(x.shape.slice(2), kernel, window)],
    ([n, c, ...place]) => {
      const values: number[] = [];
      under(x, [n as number, c as number], place, kernel, window, (value) => values.push(value));
      if (mode === "max") return Math.max(...values);
      const count = mode === "mean" ? values.length : size(kernel);
      return values.reduce((sum, value) => sum + value, 0) / count;
    },
  );

/** Each input added to the outputs that its window reaches. */
export function convTranspose(
  x: Tensor,
  W: Tensor,
  B: Tensor | undefined,
  { strides, dilations, pads, groups }: Window & { groups: number },
): Tensor {
  const [, Mg, ...kernel] = W.shape as [number, number, ...number[]];
  const [N, C, ...spatial] = x.shape as [number, number, ...number[]];
  const rank = spatial.length;
  const places = spatial.map(
    (n, i) =>
      (strides[i] as number) * (n - 1) +
      ((kernel[i] as number) - 1) * (dilations[i] as number) +
      1 -
      (pads[i] as number) -
      (pads[i + rank] as number),
  );
  const y = build([N, Mg * groups, ...places], ([, m]) =>
    B === undefined ? 0 : get(B, m as number),
  );
  build(x.shape, ([n, c, ...from]) => {
    const group = Math.floor((c as number) / (C / groups));
    for (let o = 0; o < Mg; o++) {
      build(kernel, (at) => {
        const to = from.map(
          (p, i) =>
            p * (strides[i] as number) +
            (at[i] as number) * (dilations[i] as number) -
            (pads[i] as number),
        );
        const inside = to.every((i, axis) => i >= 0 && i < (places[axis] as number));
        if (!inside) return 0;
        const index = [n as number, group * Mg + o, ...to];
        const place = index.reduce((sum, i, axis) => sum * (y.shape[axis] as number) + i, 0);
        y.data[place] =
          (y.data[place] as number) +
          get(x, n as number, c as number, ...from) * get(W, c as number, o, ...at);
        return 0;
      });
    }
    return 0;
  });
  return y;
}

/** (x − mean) / √(variance + ε) over the axes from `axis` on. */
export function normalise(x: Tensor, axis: number, epsilon: number): Tensor {
  const axes = x.shape.map((_, i) => i).slice(axis);
  const mean = reduce(x, axes, true, (values) => values.reduce((a, b) => a + b, 0) / values.length);
  const centred = combine((a, b) => a - b, x, mean);
  const variance = reduce(centred, axes, true, (v) => v.reduce((a, b) => a + b * b, 0) / v.length);
  return combine((a, b) => a / Math.sqrt(b + epsilon), centred, variance);
}
