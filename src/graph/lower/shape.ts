import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import { broadcastStrides, packedLike } from "./elementwise.js";
import type { Lowering } from "./lowering.js";
import { isPacked, reshapedStrides, rowMajor, type View } from "./view.js";

// Most of these compute nothing: the output is another view of the input's buffer.

function alias(lowering: Lowering, op: Operation, view: View): void {
  const { inputs, outputs } = op;
  lowering.set(outputs[0] as Value, view);
  lowering.consumed(inputs);
}

export function lowerReshape(lowering: Lowering, op: Operation<"reshape">): void {
  const input = op.inputs[0] as Value;
  const { shape } = op.outputs[0] as Value;
  const view = lowering.view(input);
  const strides = reshapedStrides(view, shape);
  if (strides !== undefined) alias(lowering, op, { ...view, shape, strides });
  else {
    const copy = lowering.copied(input, view);
    alias(lowering, op, { ...copy, shape, strides: rowMajor(shape) });
  }
}

export function lowerPermute(lowering: Lowering, op: Operation<"permute">): void {
  const view = lowering.view(op.inputs[0] as Value);
  const pick = (list: readonly number[]): number[] => op.order.map((i) => list[i] as number);
  alias(lowering, op, { ...view, shape: pick(view.shape), strides: pick(view.strides) });
}

export function lowerSlice(lowering: Lowering, op: Operation<"slice">): void {
  const view = lowering.view(op.inputs[0] as Value);
  const { shape } = op.outputs[0] as Value;
  const { starts, steps } = op;
  const skipped = starts.reduce((sum, start, i) => sum + start * (view.strides[i] as number), 0);
  alias(lowering, op, {
    ...view,
    offset: view.offset + skipped,
    shape,
    strides: view.strides.map((stride, i) => stride * (steps[i] as number)),
  });
}

export function lowerExpand(lowering: Lowering, op: Operation<"expand">): void {
  const view = lowering.view(op.inputs[0] as Value);
  const { shape } = op.outputs[0] as Value;
  alias(lowering, op, { ...view, shape, strides: broadcastStrides(view, shape) });
}

/** The parts one after the other, their axes in the order in which the first part's lie: what follows a convolution stays so. */
export function lowerConcat(lowering: Lowering, op: Operation<"concat">): void {
  const output = op.outputs[0] as Value;
  const first = lowering.view(op.inputs[0] as Value);
  const strides = isPacked(first) ? packedLike(first, output.shape) : rowMajor(output.shape);
  const y = lowering.allocate(output, strides);
  let before = 0;
  for (const input of op.inputs) {
    const view = lowering.view(input);
    const offset = before * (y.strides[op.axis] as number);
    lowering.copy(view, { ...y, offset, shape: view.shape });
    before += view.shape[op.axis] as number;
  }
  lowering.consumed(op.inputs);
  lowering.set(output, y);
}

export function lowerPad(lowering: Lowering, op: Operation<"pad">): void {
  const { starts, value, where, inputs, outputs } = op;
  const output = outputs[0] as Value;
  const x = lowering.view(inputs[0] as Value);
  const y = lowering.allocate(output);
  const { fill_map } = lowering.nn;
  const { item } = y;
  const { size } = output;
  if (size > 0) {
    lowering.step(where, [y], (at) => {
      const to = at(y);
      return () => fill_map(item, size, value, to);
    });
    const offset = starts.reduce((sum, start, i) => sum + start * (y.strides[i] as number), 0);
    lowering.copy(x, { ...y, offset, shape: x.shape });
  }
  lowering.consumed(inputs);
  lowering.set(output, y);
}
