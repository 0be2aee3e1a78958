import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import type { Lowering, Run } from "./lowering.js";
import type { View } from "./view.js";

/** Turns the answer of a kernel, 1 if an index was out of range, into an error. */
function checked(where: string, extent: number, call: () => number): Run {
  return () => {
    if (call() === 0) return;
    throw new RangeError(
      `${where}: indices: expected integers from ${-extent} to ${extent - 1}, got another one`,
    );
  };
}

export function lowerGather(lowering: Lowering, op: Operation<"gather">): void {
  const { outer, n, inner, where, inputs, outputs } = op;
  const output = outputs[0] as Value;
  const [x, indices] = inputs.map((value) => lowering.dense(value)) as [View, View];
  const count = (inputs[1] as Value).size;
  lowering.consumed(inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (output.size === 0) return;
  const { gather_axis } = lowering.nn;
  const { item } = x;
  lowering.step(where, [x, indices, y], (at) => {
    const [from, index, to] = [at(x), at(indices), at(y)];
    return checked(where, n, () => gather_axis(item, outer, n, inner, count, from, index, to));
  });
}

export function lowerGatherElements(lowering: Lowering, op: Operation<"gatherElements">): void {
  const { outer, n, inner, count, where, inputs, outputs } = op;
  const output = outputs[0] as Value;
  const [x, indices] = inputs.map((value) => lowering.dense(value)) as [View, View];
  lowering.consumed(inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (output.size === 0) return;
  const { gather_elements } = lowering.nn;
  const { item } = x;
  lowering.step(where, [x, indices, y], (at) => {
    const [from, index, to] = [at(x), at(indices), at(y)];
    return checked(where, n, () => gather_elements(item, outer, n, inner, count, from, index, to));
  });
}

export function lowerScatter(lowering: Lowering, op: Operation<"scatter">): void {
  const { extents, block, count, where, inputs, outputs } = op;
  const output = outputs[0] as Value;
  const [data, indices, updates] = inputs as [Value, Value, Value];
  const y = lowering.copied(data, lowering.view(data));
  const [index, from] = [lowering.dense(indices), lowering.dense(updates)];
  lowering.consumed(inputs);
  lowering.set(output, y);
  if (count * block === 0 || output.size === 0) return;
  const list = lowering.constants.integers(extents);
  const depth = extents.length;
  const { scatter_blocks } = lowering.nn;
  const { item } = y;
  lowering.step(where, [index, from, y], (at) => {
    const [places, source, to] = [at(index), at(from), at(y)];
    return checked(where, Math.max(...extents), () =>
      scatter_blocks(item, depth, list, block, count, places, source, to),
    );
  });
}

export function lowerTop(lowering: Lowering, op: Operation<"top">): void {
  const { outer, n, inner, k, where, inputs, outputs } = op;
  const [values, indices] = outputs as [Value, Value];
  const x = lowering.dense(inputs[0] as Value);
  lowering.consumed(inputs);
  const [y, places] = [lowering.allocate(values), lowering.allocate(indices)];
  lowering.set(values, y);
  lowering.set(indices, places);
  if (values.size === 0) return;
  const largest = Number(op.largest);
  const { top_rows } = lowering.nn;
  const { item } = x;
  lowering.step(where, [x, y, places], (at) => {
    const [from, to, index] = [at(x), at(y), at(places)];
    return () => top_rows(item, largest, outer, n, inner, k, from, to, index);
  });
}
