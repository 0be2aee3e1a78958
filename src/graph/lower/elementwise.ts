import { UNARY } from "../codes.js";
import type { Operation } from "../operation.js";
import { sameShape, type Value } from "../value.js";
import type { Lowering } from "./lowering.js";
import { axesByStride, isPacked, loopOver, rowMajor, type View } from "./view.js";

/** Strides under which a view repeats itself over a larger shape. */
export function broadcastStrides({ shape, strides }: View, target: readonly number[]): number[] {
  const missing = target.length - shape.length;
  return target.map((_, i) => {
    const own = i - missing;
    return own < 0 || shape[own] === 1 ? 0 : (strides[own] as number);
  });
}

/** Packed strides whose axes go in the order of a view's: what follows a convolution stays as it lies. */
export function packedLike({ strides }: View, shape: readonly number[]): number[] {
  const result: number[] = new Array(shape.length).fill(1);
  let stride = 1;
  for (const i of axesByStride(shape, strides).reverse()) {
    result[i] = stride;
    stride *= shape[i] as number;
  }
  return result;
}

/** The same where the view has the shape and no gaps, else C order. */
const stridesLike = (view: View, shape: readonly number[]): number[] =>
  sameShape(view.shape, shape) && isPacked(view) ? packedLike(view, shape) : rowMajor(shape);

export function lowerUnary(lowering: Lowering, op: Operation<"unary">): void {
  const { code, alpha, beta, where } = op;
  const [input, output] = [op.inputs[0] as Value, op.outputs[0] as Value];
  const x = lowering.packed(input);
  lowering.consumed(op.inputs);
  // Mish reads x once more after it has written.
  const isInPlace = code !== UNARY.mish && lowering.isLast(x);
  const y = isInPlace ? x : lowering.allocate(output, stridesLike(x, x.shape));
  lowering.set(output, y);
  const { unary_map } = lowering.nn;
  const { size } = output;
  const { item } = x;
  if (size === 0) return;
  lowering.step(where, [x, y], (at) => {
    const [from, to] = [at(x), at(y)];
    return () => unary_map(item, code, size, alpha, beta, from, to);
  });
}

export function lowerBinary(lowering: Lowering, op: Operation<"binary">): void {
  const { code, where } = op;
  const output = op.outputs[0] as Value;
  const [a, b] = op.inputs.map((value) => lowering.view(value)) as [View, View];
  lowering.consumed(op.inputs);
  const { shape, size } = output;
  const like = sameShape(a.shape, shape) && isPacked(a) ? a : b;
  const strides = stridesLike(like, shape);
  const inPlace = [a, b].find(
    (each) =>
      lowering.isLast(each) &&
      sameShape(each.shape, shape) &&
      each.strides.every((stride, i) => stride === strides[i] || shape[i] === 1),
  );
  const y = inPlace ?? lowering.allocate(output, strides);
  lowering.set(output, y);
  if (size === 0) return;
  const { rank, descriptor } = loopOver(shape, [
    broadcastStrides(a, shape),
    broadcastStrides(b, shape),
    y.strides,
  ]);
  const axes = lowering.constants.integers(descriptor);
  const { binary_strided } = lowering.nn;
  const { item } = y;
  lowering.step(where, [a, b, y], (at) => {
    const [left, right, to] = [at(a), at(b), at(y)];
    return () => binary_strided(item, code, rank, axes, left, right, to);
  });
}

export function lowerSelect(lowering: Lowering, op: Operation<"select">): void {
  const output = op.outputs[0] as Value;
  const [c, a, b] = op.inputs.map((value) => lowering.view(value)) as [View, View, View];
  lowering.consumed(op.inputs);
  const { shape, size } = output;
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (size === 0) return;
  const strides = [c, a, b].map((each) => broadcastStrides(each, shape));
  const { rank, descriptor } = loopOver(shape, [...strides, y.strides]);
  const axes = lowering.constants.integers(descriptor);
  const { select_strided } = lowering.nn;
  const { item } = y;
  lowering.step(op.where, [c, a, b, y], (at) => {
    const [chosen, left, right, to] = [at(c), at(a), at(b), at(y)];
    return () => select_strided(item, rank, axes, chosen, left, right, to);
  });
}

export function lowerConvert(lowering: Lowering, op: Operation<"convert">): void {
  const { rounding, where } = op;
  const [input, output] = [op.inputs[0] as Value, op.outputs[0] as Value];
  const x = lowering.packed(input);
  lowering.consumed(op.inputs);
  const y = lowering.allocate(output, stridesLike(x, x.shape));
  lowering.set(output, y);
  const { size } = output;
  if (size === 0) return;
  const { convert_map } = lowering.nn;
  lowering.step(where, [x, y], (at) => {
    const [from, to] = [at(x), at(y)];
    return () => convert_map(x.item, y.item, rounding, size, from, to);
  });
}

/** √(a² + b²): rows of equal strides where the operands have them, else over copies. */
export function lowerMagnitude(lowering: Lowering, op: Operation<"magnitude">): void {
  const output = op.outputs[0] as Value;
  const views = op.inputs.map((value) => lowering.view(value)) as [View, View];
  lowering.consumed(op.inputs);
  const { shape, size } = output;
  let [a, b] = views;
  let strides = packedLike(a, shape);
  let loop = loopOver(shape, [a.strides, b.strides, strides]);
  // One axis of rows and one of dense numbers is all that the kernel knows.
  if (loop.rank > 2 || !loop.descriptor.slice(-3).every((stride) => stride === 1)) {
    a = lowering.copied(op.inputs[0] as Value, a);
    b = lowering.copied(op.inputs[1] as Value, b);
    strides = rowMajor(shape);
    loop = loopOver(shape, [a.strides, b.strides, strides]);
  }
  const y = lowering.allocate(output, strides);
  lowering.set(output, y);
  if (size === 0) return;
  const { rank, descriptor } = loop;
  const rows = rank === 2 ? (descriptor[0] as number) : 1;
  const [lda, ldb, ldy] = rank === 2 ? (descriptor.slice(1, 4) as number[]) : [0, 0, 0];
  const n = descriptor.at(-4) as number;
  const { magnitude_rows } = lowering.nn;
  const { item } = y;
  lowering.step(op.where, [a, b, y], (at) => {
    const [left, right, to] = [at(a), at(b), at(y)];
    return () =>
      magnitude_rows(item, rows, n, lda as number, ldb as number, ldy as number, left, right, to);
  });
}
