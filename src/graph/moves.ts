import type { Floats } from "../wasm/abi.js";
import { BINARY } from "./codes.js";
import { rowMajor } from "./lower/view.js";
import type { Operation } from "./operation.js";
import { allocate, sameShape, sizeOf, type Value } from "./value.js";

/** The numbers at offset + Σ index · stride, for every index of `shape` in C order; not copied where they are one run. */
function strided(
  { data, precision }: Value,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Floats {
  const from = data as Floats;
  const size = sizeOf(shape);
  if (isRun(shape, strides)) return from.subarray(offset, offset + size);
  const y = allocate(precision, size);
  const last = shape.length - 1;
  const [n, step] = [shape[last] as number, strides[last] as number];
  const index = shape.map(() => 0);
  let at = offset;
  for (let to = 0; to < size; to += n) {
    if (step === 1) y.set(from.subarray(at, at + n), to);
    else for (let i = 0; i < n; i++) y[to + i] = from[at + i * step] as number;
    for (let k = last - 1; k >= 0; k--) {
      at += strides[k] as number;
      index[k] = (index[k] as number) + 1;
      if ((index[k] as number) < (shape[k] as number)) break;
      at -= (strides[k] as number) * (shape[k] as number);
      index[k] = 0;
    }
  }
  return y;
}

/** Whether neighbours in C order are neighbours in memory. */
function isRun(shape: readonly number[], strides: readonly number[]): boolean {
  const dense = rowMajor(shape);
  return shape.every((extent, i) => extent === 1 || strides[i] === dense[i]);
}

/** The numbers of a value repeated over a larger shape. */
function repeated(x: Value, shape: readonly number[]): Floats {
  if (sameShape(x.shape, shape)) return x.data as Floats;
  const missing = shape.length - x.shape.length;
  const own = rowMajor(x.shape);
  const strides = shape.map((_, i) =>
    i < missing || x.shape[i - missing] === 1 ? 0 : (own[i - missing] as number),
  );
  return strided(x, shape, strides);
}

/** Along one axis, rows of `inner` numbers from each value in turn. */
function concatenated({ axis, inputs, outputs: [made] }: Operation<"concat">): Floats {
  const { precision, size, shape } = made as Value;
  const y = allocate(precision, size);
  const outer = sizeOf(shape.slice(0, axis));
  let to = 0;
  for (let i = 0; i < outer; i++) {
    for (const { data, size: all } of inputs) {
      const n = all / outer;
      y.set((data as Floats).subarray(i * n, (i + 1) * n), to);
      to += n;
    }
  }
  return y;
}

function gathered({ inputs, outer, n, inner }: Operation<"gather">): Floats {
  const [x, indices] = inputs as [Value, Value];
  const picks = indices.data as Floats;
  const y = allocate(x.precision, outer * picks.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < picks.length; i++) {
      const pick = picks[i] as number;
      const from = (o * n + (pick < 0 ? pick + n : pick)) * inner;
      y.set((x.data as Floats).subarray(from, from + inner), to);
      to += inner;
    }
  }
  return y;
}

function converted({ rounding, inputs, outputs }: Operation<"convert">): Floats {
  const [{ precision, size }] = outputs as [Value];
  const from = inputs[0]?.data as Floats;
  const y = allocate(precision, size);
  for (let i = 0; i < size; i++) {
    const x = from[i] as number;
    if (rounding === 0) y[i] = x;
    else if (rounding === 1) y[i] = Number.isNaN(x) ? 0 : Math.trunc(x);
    else y[i] = Number(x !== 0);
  }
  return y;
}

/** What the kernels compute of integers, which are exact. */
const INTEGERS: Readonly<Record<number, (a: number, b: number) => number>> = {
  [BINARY.add]: (a, b) => a + b,
  [BINARY.subtract]: (a, b) => a - b,
  [BINARY.multiply]: (a, b) => a * b,
  [BINARY.quotient]: (a, b) => Math.trunc(a / b),
  [BINARY.equal]: (a, b) => Number(a === b),
  [BINARY.less]: (a, b) => Number(a < b),
  [BINARY.greater]: (a, b) => Number(a > b),
};

function computed({ code, inputs, outputs }: Operation<"binary">): Floats | undefined {
  const compute = INTEGERS[code];
  if (compute === undefined || inputs.some(({ kind }) => kind === "float")) return undefined;
  const [{ shape, size, precision }] = outputs as [Value];
  const [a, b] = inputs.map((value) => repeated(value, shape)) as [Floats, Floats];
  const y = allocate(precision, size);
  for (let i = 0; i < size; i++) y[i] = compute(a[i] as number, b[i] as number);
  return y;
}

function selected({ inputs, outputs }: Operation<"select">): Floats {
  const [{ shape, size, precision }] = outputs as [Value];
  const [c, a, b] = inputs.map((value) => repeated(value, shape)) as [Floats, Floats, Floats];
  const y = allocate(precision, size);
  for (let i = 0; i < size; i++) y[i] = (c[i] !== 0 ? a[i] : b[i]) as number;
  return y;
}

/**
 * The numbers of an operation that only moves them, or computes integers: what shapes and weights pass through on their way.
 * No engine is needed. Undefined for all other operations.
 */
export function moved(op: Operation): Floats | undefined {
  const [x] = op.inputs as [Value];
  const [{ shape }] = op.outputs as [Value];
  switch (op.kind) {
    case "permute": {
      const strides = rowMajor(x.shape);
      return strided(
        x,
        shape,
        op.order.map((axis) => strides[axis] as number),
      );
    }
    case "slice": {
      const strides = rowMajor(x.shape);
      const offset = strides.reduce((sum, n, i) => sum + n * (op.starts[i] as number), 0);
      return strided(
        x,
        shape,
        strides.map((n, i) => n * (op.steps[i] as number)),
        offset,
      );
    }
    case "expand":
      return repeated(x, shape);
    case "concat":
      return concatenated(op);
    case "gather":
      return gathered(op);
    case "convert":
      return converted(op);
    case "binary":
      return computed(op);
    case "select":
      return selected(op);
    default:
      return undefined;
  }
}
