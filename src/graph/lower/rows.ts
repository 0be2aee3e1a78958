import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import { packedLike } from "./elementwise.js";
import type { Lowering } from "./lowering.js";
import { axesByStride, isDense, isPacked, type View } from "./view.js";

/** Lowers an operation of one dense input and one dense output to one call. */
function oneCall(
  lowering: Lowering,
  { where, inputs, outputs }: Operation,
  call: (x: number, y: number, item: number) => void,
): void {
  const [input, output] = [inputs[0] as Value, outputs[0] as Value];
  const x = lowering.dense(input);
  lowering.consumed(inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (output.size === 0) return;
  const { item } = x;
  lowering.step(where, [x, y], (at) => {
    const [from, to] = [at(x), at(y)];
    return () => call(from, to, item);
  });
}

export function lowerReduce(lowering: Lowering, op: Operation<"reduce">): void {
  const { code, where } = op;
  const [input, output] = [op.inputs[0] as Value, op.outputs[0] as Value];
  const { reduce_rows } = lowering.nn;
  const x = lowering.view(input);
  const lying = isDense(x) ? undefined : reductionOf(x, op, output.shape);
  if (lying === undefined || output.size === 0) {
    const { outer, n, inner } = op;
    oneCall(lowering, op, (x, y, item) => reduce_rows(item, code, outer, n, inner, x, y));
    return;
  }
  const { outer, n, inner, strides } = lying;
  lowering.consumed(op.inputs);
  const y = lowering.allocate(output, strides);
  lowering.set(output, y);
  const { item } = x;
  lowering.step(where, [x, y], (at) => {
    const [from, to] = [at(x), at(y)];
    return () => reduce_rows(item, code, outer, n, inner, from, to);
  });
}

/**
 * A reduction over numbers as they lie, without gaps but with their axes in another order, and the strides of its result;
 * undefined where the reduced axes do not lie side by side, in order, or do not stay with an extent of 1.
 */
function reductionOf(
  x: View,
  op: Operation<"reduce">,
  target: readonly number[],
): { outer: number; n: number; inner: number; strides: number[] } | undefined {
  const { shape } = x;
  const extent = (axes: readonly number[]): number =>
    axes.reduce((product, axis) => product * (shape[axis] as number), 1);
  const axes = shape.map((_, i) => i).filter((i) => shape[i] !== 1);
  const isReduced = (axis: number): boolean => target[axis] === 1;
  /** The run of reduced axes in an order of axes, and what lies around it. */
  const around = (order: readonly number[]) => {
    const first = order.findIndex(isReduced);
    const end = first + order.filter(isReduced).length;
    const run = order.slice(first, end);
    const isRun =
      first >= 0 && run.every((axis, i) => isReduced(axis) && axis >= (run[i - 1] ?? 0));
    const sizes = { outer: extent(order.slice(0, first)), inner: extent(order.slice(end)) };
    return isRun ? { ...sizes, n: extent(run) } : undefined;
  };
  const meant = around(axes);
  const kept = axes.every((axis) => isReduced(axis) || target[axis] === shape[axis]);
  if (!isPacked(x) || target.length !== shape.length || !kept) return undefined;
  if (meant?.outer !== op.outer || meant.n !== op.n || meant.inner !== op.inner) return undefined;
  const lying = around(axesByStride(shape, x.strides));
  return lying && { ...lying, strides: packedLike(x, target) };
}

export function lowerArg(lowering: Lowering, op: Operation<"arg">): void {
  const { outer, n, inner } = op;
  const [least, last] = [Number(op.least), Number(op.last)];
  const { arg_rows } = lowering.nn;
  oneCall(lowering, op, (x, y, item) => arg_rows(item, least, last, outer, n, inner, x, y));
}

export function lowerCumulate(lowering: Lowering, op: Operation<"cumulate">): void {
  const { outer, n, inner } = op;
  const [exclusive, reverse] = [Number(op.exclusive), Number(op.reverse)];
  const { cumulate_rows } = lowering.nn;
  oneCall(lowering, op, (x, y, item) =>
    cumulate_rows(item, exclusive, reverse, outer, n, inner, x, y),
  );
}

export function lowerSoftmax(lowering: Lowering, op: Operation<"softmax">): void {
  const { rows, n } = op;
  const log = Number(op.log);
  const { softmax_all } = lowering.nn;
  oneCall(lowering, op, (x, y, item) => softmax_all(item, log, rows, n, x, y));
}

export function lowerNormalise(lowering: Lowering, op: Operation<"normalise">): void {
  const { rows, n, epsilon, where, inputs, outputs } = op;
  const output = outputs[0] as Value;
  const [x, ...parameters] = inputs.map((value) => lowering.dense(value)) as [View, ...View[]];
  lowering.consumed(inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (output.size === 0) return;
  const { normalise_rows } = lowering.nn;
  const { item } = x;
  lowering.step(where, [x, ...parameters, y], (at) => {
    const [from, to] = [at(x), at(y)];
    const [scale = 0, bias = 0] = parameters.map(at);
    return () => normalise_rows(item, rows, n, epsilon, from, scale, bias, to);
  });
}
