import type { Floats } from "../../wasm/abi.js";
import type { Operation } from "../operation.js";
import { itemOf, sizeOf, type Value } from "../value.js";
import { broadcastStrides } from "./elementwise.js";
import type { Lowering } from "./lowering.js";
import { fixedStorage, type View } from "./view.js";

/** Where a bias of `n` numbers stands, or zeros: what a product begins with. */
export function biasOf(lowering: Lowering, value: Value, bias: Value | undefined, n: number): View {
  if (bias !== undefined) return lowering.dense(bias);
  const item = itemOf(value.precision);
  const storage = fixedStorage(lowering.constants.zeros(value.precision, n), n * item);
  return { storage, offset: 0, item, shape: [n], strides: [1] };
}

/** Rows of a matrix operand (…, m, k): their common distance, where they have one and are dense. */
function rowsOf({ shape, strides }: View): { rows: number; pitch: number } | undefined {
  const k = shape.at(-1) as number;
  if (k !== 1 && strides.at(-1) !== 1) return undefined;
  let rows = 1;
  let pitch = k;
  let expected: number | undefined;
  for (let i = shape.length - 2; i >= 0; i--) {
    const extent = shape[i] as number;
    if (extent === 1) continue;
    const stride = strides[i] as number;
    if (expected === undefined) pitch = stride;
    else if (stride !== expected) return undefined;
    expected = stride * extent;
    rows *= extent;
  }
  return pitch >= k ? { rows, pitch } : undefined;
}

/** Whether a known matrix is used for all of a: it is packed once. */
const isShared = (b: Value): boolean =>
  b.data !== undefined && sizeOf(b.shape.slice(0, -2)) === 1 && b.shape.length >= 2;

export function lowerMatmul(lowering: Lowering, op: Operation<"matmul">): void {
  const [, b, bias] = op.inputs as [Value, Value, Value | undefined];
  const output = op.outputs[0] as Value;
  const [k, n] = b.shape.slice(-2) as [number, number];
  const init = biasOf(lowering, output, bias, n);
  if (output.size === 0) {
    lowering.consumed(op.inputs);
    lowering.set(output, lowering.allocate(output));
  } else if (isShared(b)) shared(lowering, op, init, k, n);
  else batched(lowering, op, init, k, n);
}

/** All rows of a with one matrix that is packed at opening. */
function shared(
  lowering: Lowering,
  op: Operation<"matmul">,
  init: View,
  k: number,
  n: number,
): void {
  const [a, b] = op.inputs as [Value, Value];
  const output = op.outputs[0] as Value;
  const given = lowering.view(a);
  const x = rowsOf(given) === undefined ? lowering.dense(a) : given;
  const { rows, pitch } = rowsOf(x) as { rows: number; pitch: number };
  const dtype = lowering.numberType(output);
  const numbers = b.data as Floats;
  const [packed] = lowering.constants.panels(numbers, `${k} ${n}`, dtype, () => [
    {
      offset: 0,
      n,
      row: 1,
      columns: [
        [1, 0],
        [k, n],
      ],
    },
  ]) as [number];
  lowering.consumed(op.inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  const { gemm_packed } = dtype.kernels;
  lowering.step(op.where, [x, init, y], (at) => {
    const [from, start, to] = [at(x), at(init), at(y)];
    return () => gemm_packed(rows, n, k, pitch, 0, n, from, packed, start, to);
  });
}

/** Each matrix of a with its own of b, which is packed in every run. */
function batched(
  lowering: Lowering,
  op: Operation<"matmul">,
  init: View,
  k: number,
  n: number,
): void {
  const [a, b] = op.inputs as [Value, Value];
  const output = op.outputs[0] as Value;
  const leading = output.shape.slice(0, -2);
  const m = a.shape.at(-2) as number;
  let x = lowering.view(a);
  if (x.strides.at(-1) !== 1 && k !== 1) x = lowering.dense(a);
  if ((x.strides.at(-2) as number) < k && m > 1) x = lowering.copied(a, x);
  const w = lowering.view(b);
  const dtype = lowering.numberType(output);
  const { panel, item } = dtype;
  const panels = lowering.allocate({
    precision: output.precision,
    shape: [Math.ceil(n / panel) * panel * k],
  });
  lowering.consumed(op.inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  const strides = [x, w, y].map((view) => broadcastStrides(view, output.shape).slice(0, -2));
  const offsets = offsetsOf(leading, strides, item);
  const lda = m === 1 ? k : (x.strides.at(-2) as number);
  const [rowStride, columnStride] = [w.strides.at(-1) as number, w.strides.at(-2) as number];
  const { gemm_packed, pack_panels } = dtype.kernels;
  lowering.step(op.where, [x, w, init, panels, y], (at) => {
    const [from, matrix, start, packed, to] = [at(x), at(w), at(init), at(panels), at(y)];
    return () => {
      let before = Number.NaN;
      for (let i = 0; i < offsets.length; i += 3) {
        const second = offsets[i + 1] as number;
        if (second !== before) {
          pack_panels(n, k, rowStride, columnStride, matrix + second, packed);
          before = second;
        }
        const [first, third] = [offsets[i] as number, offsets[i + 2] as number];
        gemm_packed(m, n, k, lda, 0, n, from + first, packed, start, to + third);
      }
    };
  });
}

/** For each combination of leading axes, where the operands' matrices begin: bytes, operand after operand. */
export function offsetsOf(
  leading: readonly number[],
  strides: readonly (readonly number[])[],
  item: number,
): Float64Array {
  const count = sizeOf(leading);
  const offsets = new Float64Array(count * strides.length);
  const index = leading.map(() => 0);
  for (let i = 0; i < count; i++) {
    strides.forEach((each, o) => {
      let offset = 0;
      for (let axis = 0; axis < leading.length; axis++) {
        offset += (index[axis] as number) * (each[axis] as number);
      }
      offsets[i * strides.length + o] = offset * item;
    });
    for (let axis = leading.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (leading[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return offsets;
}
