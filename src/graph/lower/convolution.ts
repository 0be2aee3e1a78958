import { allFinite } from "../../formats/finite.js";
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
  readonly k: number;
  /** Elements from an output's first input. */
  readonly input: number;
  readonly output: number;
  readonly first: boolean;
}

/** A run of taps along one axis of the kernel: from, up to but without. */
type Taps = readonly [number, number];

function productCalls(lowering: Lowering, op: Operation<"conv">, x: View, weights: Value): Calls {
  const { groups, kernel, strides, dilations } = op;
  const output = op.outputs[0] as Value;
  const [N, M, OH, OW] = output.shape as [number, number, number, number];
  const [kh, kw] = kernel;
  const [C, Cg, Mg] = [x.shape[1] as number, weights.shape[1] as number, M / groups];
  const dtype = lowering.numberType(output);
  const [sample, , line] = x.strides as [number, number, number, number];
  // Taps of a row join where their inputs lie behind one another.
  const joined = (dilations[1] === 1 && groups === 1) || kw === 1;
  const inner = kh * kw;
  const pack = ([from, to]: Taps): readonly number[] => {
    const [perRow, span] = joined ? [1, to - from] : [kw, 1];
    const form = `conv ${weights.shape} ${groups} ${perRow} ${joined ? `${from} ${to}` : ""}`;
    return lowering.constants.panels(weights.data as Floats, form, dtype, () =>
      Array.from({ length: groups * kh * perRow }, (_, place) => {
        const [g, tap] = [Math.floor(place / (kh * perRow)), place % (kh * perRow)];
        const first = joined ? tap * kw + from : tap;
        const columns = [[span, 1] as const, [Cg, inner] as const] as const;
        return { offset: g * Mg * Cg * inner + first, n: Mg, row: Cg * inner, columns };
      }),
    );
  };
  /** The products of an output that reads these lines and columns of the kernel. */
  const products = (lines: Taps, columns: Taps): Tap[] => {
    const panels = pack(columns);
    const taps: Tap[] = [];
    for (let g = 0; g < groups; g++) {
      for (let i = lines[0]; i < lines[1]; i++) {
        for (let j = columns[0]; j < (joined ? columns[0] + 1 : columns[1]); j++) {
          taps.push({
            panels: panels[joined ? g * kh + i : (g * kh + i) * kw + j] as number,
            k: joined ? (columns[1] - columns[0]) * Cg : Cg,
            input: i * dilations[0] * line + j * dilations[1] * C + g * Cg,
            output: g * Mg,
            first: i === lines[0] && j === columns[0],
          });
        }
      }
    }
    return taps;
  };
  // Rows of one product: the outputs of a line, or the same output of all samples.
  const acrossSamples = N > OW || OW === 1;
  const { lines, columns } = tapsInside(op, acrossSamples);
  const made = new Map<string, Tap[]>();
  const places = lines.map((each) =>
    columns.map((column) => {
      const key = `${each} ${column}`;
      const known = made.get(key) ?? products(each, column);
      made.set(key, known);
      return known;
    }),
  );
  const { gemm_packed } = dtype.kernels;
  const { item } = dtype;
  const pitch = strides[1] * C;
  const rows = acrossSamples ? N : OW;
  const [lda, ldc] = acrossSamples ? [sample, OH * OW * M] : [pitch, M];
  const [count, inputStep, outputStep] = acrossSamples ? [OW, pitch, M] : [N, sample, OH * OW * M];
  return (from, init, to) => {
    if (OH === 1 && count === 1 && places[0]?.[0]?.length === 1) {
      const [{ panels, k, input }] = places[0][0] as [Tap];
      const a = from + input * item;
      return () => gemm_packed(rows, Mg, k, lda, 0, ldc, a, panels, init, to);
    }
    return () => {
      for (let i = 0; i < OH; i++) {
        const along = places[i] as Tap[][];
        for (let s = 0; s < count; s++) {
          const source = from + (i * strides[0] * line + s * inputStep) * item;
          const target = to + (i * OW * M + s * outputStep) * item;
          for (const tap of along[acrossSamples ? s : 0] as Tap[]) {
            const { panels, k, first } = tap;
            const a = source + tap.input * item;
            const c = target + tap.output * item;
            if (first) {
              const start = init + tap.output * item;
              gemm_packed(rows, Mg, k, lda, 0, ldc, a, panels, start, c);
            } else gemm_packed(rows, Mg, k, lda, ldc, ldc, a, panels, c, c);
          }
        }
      }
    };
  };
}

/** Runs of taps for which panels of their own are packed, at most. */
const MOST_RUNS = 4;

/**
 * The taps that lie inside the picture, for each line of outputs, and for each column if columns are computed one by one. The
 * products of the others are with zeros: to leave them out changes no bit, unless a weight is not finite or a bias is −0.
 */
function tapsInside(op: Operation<"conv">, byColumn: boolean): { lines: Taps[]; columns: Taps[] } {
  const [input, weights, bias] = op.inputs as [Value, Value, Value | undefined];
  const { kernel, strides, dilations, pads, output } = op;
  const inside = (axis: 0 | 1): Taps[] => {
    const [size, extent] = [kernel[axis], input.shape[2 + axis] as number];
    return Array.from({ length: output[axis] }, (_, i) => {
      const begin = i * strides[axis] - pads[axis];
      const from = Math.max(Math.ceil(-begin / dilations[axis]), 0);
      const to = Math.min(Math.ceil((extent - begin) / dilations[axis]), size);
      return from < to ? [from, to] : [0, size];
    });
  };
  const whole: Taps[] = [[0, kernel[1]]];
  const found = { lines: inside(0), columns: byColumn ? inside(1) : whole };
  const isExact =
    pads.some((pad) => pad > 0) &&
    new Set(found.columns.map(String)).size <= MOST_RUNS &&
    allFinite(weights.data as Floats) &&
    (bias === undefined || bias.data?.every((number) => !Object.is(number, -0)) === true);
  if (isExact) return found;
  const fill = <T>(list: readonly T[], taps: Taps): Taps[] => list.map(() => taps);
  return { lines: fill(found.lines, [0, kernel[0]]), columns: fill(found.columns, [0, kernel[1]]) };
}
