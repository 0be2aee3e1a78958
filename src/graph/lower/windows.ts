import type { Floats } from "../../wasm/abi.js";
import type { Geometry, Operation } from "../operation.js";
import type { Value } from "../value.js";
import type { Lowering } from "./lowering.js";
import { biasOf } from "./products.js";
import type { View } from "./view.js";

/** The list of assembly/nn/windows.ts. */
function geometryList(input: readonly number[], g: Geometry, output: readonly number[]): number[] {
  const [top, left, bottom, right] = g.pads;
  return [
    ...input,
    ...output,
    ...[g.kernel, g.strides, g.dilations].flat(),
    ...[top, left, bottom, right],
  ];
}

/** Strides of (N, C, h, w) that lies as (N, h, w, C). */
export const channelsLast = (C: number, h: number, w: number): number[] => [h * w * C, 1, w * C, C];

/** A convolution's input with padding around it, channels last; the input itself where it lies so already. */
export function paddedInput(lowering: Lowering, x: Value, { pads }: Geometry): View {
  const [, C, h, w] = x.shape as [number, number, number, number];
  const view = lowering.view(x);
  const [top, left, bottom, right] = pads;
  const [N] = x.shape as [number];
  const [, c, , column] = view.strides as [number, number, number, number];
  const padded = pads.some((each) => each > 0);
  if (!padded && (C === 1 || c === 1) && (w === 1 || column === C)) return view;
  const [H, W] = [h + top + bottom, w + left + right];
  const like = { precision: x.precision, shape: [N, H, W, C] };
  // The border is zeros once and for all: nothing else is ever kept there.
  const storage = padded ? lowering.allocateKept(like) : lowering.allocate(like);
  const strides = channelsLast(C, H, W);
  const inner = { ...storage, shape: x.shape, strides, offset: (top * W + left) * C };
  lowering.copy(view, inner);
  return { ...inner, shape: [N, C, H, W], offset: 0 };
}

/** Each input times the kernel, then the windows added up where they meet. */
export function lowerConvTranspose(lowering: Lowering, op: Operation<"convTranspose">): void {
  const { groups, kernel } = op;
  const [input, weights, bias] = op.inputs as [Value, Value, Value | undefined];
  const output = op.outputs[0] as Value;
  const [N, M, OH, OW] = output.shape as [number, number, number, number];
  const [, C, h, w] = input.shape as [number, number, number, number];
  const [kh, kw] = kernel;
  const [Cg, Mg] = [C / groups, M / groups];
  const places = kh * kw;
  const n = places * Mg;
  const dtype = lowering.numberType(output);
  const numbers = weights.data as Floats;
  const init = biasOf(lowering, output, bias, M);
  const zeros = biasOf(lowering, output, undefined, n);
  const x = paddedInput(lowering, input, { ...op, pads: [0, 0, 0, 0] });
  // The kernel adds into channels-last pictures of one group.
  const y = lowering.allocate(output, channelsLast(M, OH, OW));
  const like = { precision: output.precision };
  const columns = lowering.allocate({ ...like, shape: [h * w * n] });
  const picture = lowering.allocate({ ...like, shape: [OH, OW, Mg] });
  const panels = lowering.constants.panels(
    numbers,
    `transpose ${weights.shape} ${groups}`,
    dtype,
    () =>
      // Group by group, a row for each place of the kernel and output: the rows of one place lie together.
      Array.from({ length: groups * places }, (_, i) => ({
        offset: Math.floor(i / places) * Cg * Mg * places + (i % places),
        n: Mg,
        row: places,
        columns: [
          [1, 0],
          [Cg, Mg * places],
        ],
      })),
  );
  lowering.consumed(op.inputs);
  lowering.set(output, y);
  if (output.size === 0) return;
  const list = lowering.constants.integers(geometryList([h, w], op, [OH, OW]));
  const { gemm_packed, gather_rows } = dtype.kernels;
  const { scatter_windows } = lowering.nn;
  const { item } = dtype;
  const [sample, , line, column] = x.strides as [number, number, number, number];
  lowering.step(op.where, [x, init, zeros, columns, picture, y], (at) => {
    const [from, start, none, wide, sum, to] = [
      at(x),
      at(init),
      at(zeros),
      at(columns),
      at(picture),
      at(y),
    ];
    return () => {
      for (let s = 0; s < N; s++) {
        for (let g = 0; g < groups; g++) {
          gather_rows(OH * OW, Mg, 0, Mg, start + g * Mg * item, 0, sum);
          for (let i = 0; i < h; i++) {
            const a = from + (s * sample + i * line + g * Cg) * item;
            const c = wide + i * w * n * item;
            for (let place = 0; place < places; place++) {
              const matrix = panels[g * places + place] as number;
              gemm_packed(w, Mg, Cg, column, 0, n, a, matrix, none, c + place * Mg * item);
            }
          }
          scatter_windows(item, Mg, list, wide, sum);
          const target = to + (s * OH * OW * M + g * Mg) * item;
          gather_rows(OH * OW, Mg, Mg, M, sum, 0, target);
        }
      }
    };
  });
}

export function lowerPool(lowering: Lowering, op: Operation<"pool">): void {
  const input = op.inputs[0] as Value;
  const output = op.outputs[0] as Value;
  const [N, C, h, w] = input.shape as [number, number, number, number];
  const x = lowering.dense(input);
  lowering.consumed(op.inputs);
  const y = lowering.allocate(output);
  lowering.set(output, y);
  if (output.size === 0) return;
  const list = lowering.constants.integers(geometryList([h, w], op, op.output));
  const { pool_windows } = lowering.nn;
  const { mode } = op;
  const { item } = x;
  lowering.step(op.where, [x, y], (at) => {
    const [from, to] = [at(x), at(y)];
    return () => pool_windows(item, mode, N * C, list, from, to);
  });
}
