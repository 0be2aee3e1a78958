import type { Floats } from "../../wasm/abi.js";
import { Shared } from "../../wasm/arena.js";
import type { Operation } from "../operation.js";
import type { Value } from "../value.js";
import type { Lowering, Run } from "./lowering.js";
import { biasOf } from "./products.js";
import type { View } from "./view.js";
import { channelsLast, paddedInput } from "./windows.js";

/**
 * A convolution as products: with channels last, the inputs of one output are kw · C numbers in a row, and rows of neighbouring
 * outputs overlap, so that no copy of them is made. A dilated or grouped one goes tap by tap.
 */
export function lowerConv(lowering: Lowering, op: Operation<"conv">): void {
  const [input, weights, bias] = op.inputs as [Value, Value, Value | undefined];
  const output = op.outputs[0] as Value;
  const [N, M, OH, OW] = output.shape as [number, number, number, number];
  const C = input.shape[1] as number;
  const init = biasOf(lowering, output, bias, M);
  const y = lowering.allocate(output, channelsLast(M, OH, OW));
  if (output.size === 0) {
    lowering.consumed(op.inputs);
    lowering.set(output, y);
    return;
  }
  const x = paddedInput(lowering, input, op);
  const isDepthwise = op.groups > 1 && op.groups === C && M === C && op.kernel[0] === 1;
  const calls = isDepthwise
    ? depthwiseCalls(lowering, op, x, weights)
    : productCalls(lowering, op, x, weights);
  lowering.consumed(op.inputs);
  lowering.set(output, y);
  lowering.step(op.where, [x, init, y], (at) => calls(at(x), at(init), at(y), N));
}

type Calls = (x: number, init: number, y: number, N: number) => Run;

function depthwiseCalls(
  lowering: Lowering,
  { kernel, strides, dilations, outputs }: Operation<"conv">,
  x: View,
  weights: Value,
): Calls {
  const [, M, OH, OW] = (outputs[0] as Value).shape as [number, number, number, number];
  const taps = kernel[1];
  const numbers = weights.data as Floats;
  const { item } = x;
  const turned = lowering.constants.keep(numbers, `depthwise ${x.item}`, () => {
    const list = numbers.slice();
    for (let c = 0; c < M; c++) {
      for (let k = 0; k < taps; k++) list[k * M + c] = numbers[c * taps + k] as number;
    }
    return new Turned(list);
  });
  const w = lowering.constants.raw(turned.numbers, (outputs[0] as Value).precision);
  const [step, tap] = [strides[1] * M, dilations[1] * M];
  const [sample, , line] = x.strides as [number, number, number, number];
  const { depthwise_rows } = lowering.nn;
  return (from, init, to, N) => () => {
    for (let n = 0; n < N; n++) {
      for (let i = 0; i < OH; i++) {
        const source = from + (n * sample + i * strides[0] * line) * item;
        const target = to + (n * OH + i) * OW * M * item;
        depthwise_rows(item, OW, M, taps, step, tap, source, w, init, target);
      }
    }
  };
}

/** Weights in another order, kept with a graph's constants. */
class Turned extends Shared {
  readonly numbers: Floats;

  constructor(numbers: Floats) {
    super();
    this.numbers = numbers;
  }

  protected free(): void {}
}

/** One product of the sum: the panels of a tap or of a row of taps, and where its inputs and outputs begin. */
interface Tap {
  readonly panels: number;
  /** Elements from an output's first input. */
  readonly input: number;
  readonly output: number;
  readonly first: boolean;
}

function productCalls(lowering: Lowering, op: Operation<"conv">, x: View, weights: Value): Calls {
  const { groups, kernel, strides, dilations } = op;
  const output = op.outputs[0] as Value;
  const [, M, OH, OW] = output.shape as [number, number, number, number];
  const [kh, kw] = kernel;
  const [C, Cg, Mg] = [x.shape[1] as number, weights.shape[1] as number, M / groups];
  const dtype = lowering.numberType(output);
  const numbers = weights.data as Floats;
  const [sample, , line] = x.strides as [number, number, number, number];
  // Taps of a row join where their inputs lie behind one another.
  const joined = (dilations[1] === 1 && groups === 1) || kw === 1;
  const perRow = joined ? 1 : kw;
  const span = joined ? kw : 1;
  const k = span * Cg;
  const inner = kh * kw;
  const all = Array.from({ length: groups * kh * perRow }, (_, i) => ({
    g: Math.floor(i / (kh * perRow)),
    i: Math.floor(i / perRow) % kh,
    j: i % perRow,
  }));
  const panels = lowering.constants.panels(
    numbers,
    `conv ${weights.shape} ${groups} ${perRow}`,
    dtype,
    () =>
      all.map(({ g, i, j }) => ({
        offset: g * Mg * Cg * inner + i * kw + j,
        n: Mg,
        row: Cg * inner,
        columns: [
          [span, 1],
          [Cg, inner],
        ],
      })),
  );
  const taps = all.map(
    ({ g, i, j }, place): Tap => ({
      panels: panels[place] as number,
      input: i * dilations[0] * line + j * dilations[1] * C + g * Cg,
      output: g * Mg,
      first: i === 0 && j === 0,
    }),
  );
  const { gemm_packed } = dtype.kernels;
  const { item } = dtype;
  const pitch = strides[1] * C;
  // Rows of one product: the outputs of a line, or the same output of all samples.
  return (from, init, to, N) => {
    const acrossSamples = N > OW;
    const rows = acrossSamples ? N : OW;
    const [lda, ldc] = acrossSamples ? [sample, OH * OW * M] : [pitch, M];
    const [count, inputStep, outputStep] = acrossSamples
      ? [OW, pitch, M]
      : [N, sample, OH * OW * M];
    if (taps.length === 1 && count === 1 && OH === 1) {
      const { panels } = taps[0] as Tap;
      return () => gemm_packed(rows, Mg, k, lda, 0, ldc, from, panels, init, to);
    }
    return () => {
      for (let i = 0; i < OH; i++) {
        for (let s = 0; s < count; s++) {
          const source = from + (i * strides[0] * line + s * inputStep) * item;
          const target = to + (i * OW * M + s * outputStep) * item;
          for (const { panels, input, output: channel, first } of taps) {
            const a = source + input * item;
            const c = target + channel * item;
            if (first) gemm_packed(rows, Mg, k, lda, 0, ldc, a, panels, init + channel * item, c);
            else gemm_packed(rows, Mg, k, lda, ldc, ldc, a, panels, c, c);
          }
        }
      }
    };
  };
}
