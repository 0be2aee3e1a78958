import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import type { Lowering } from "./lowering.js";
import type { View } from "./view.js";

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
  const { code, outer, n, inner } = op;
  const { reduce_rows } = lowering.nn;
  oneCall(lowering, op, (x, y, item) => reduce_rows(item, code, outer, n, inner, x, y));
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
