import { allFinite } from "../formats/finite.js";
import type { Floats } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import { BINARY } from "./codes.js";
import type { Constants } from "./constants.js";
import type { Operation } from "./operation.js";
import type { Producers } from "./producers.js";
import { allocate, type Value } from "./value.js";

/** A convolution and what is done to each of its channels afterwards: y·factor, then + shift. */
interface Affine {
  readonly conv: Operation<"conv">;
  readonly steps: readonly { readonly code: number; readonly numbers: Floats }[];
}

/** The numbers of a known value that has one for each of `channels` channels, which are axis 1 of `rank` axes. */
function perChannel(value: Value, channels: number, rank: number): Floats | undefined {
  const { data, size, shape } = value;
  if (data === undefined || size !== channels) return undefined;
  const isChannel = shape.every((extent, i) => extent === 1 || i - shape.length === 1 - rank);
  return isChannel ? data : undefined;
}

/** Follows factors and summands of channels back to a convolution that they alone read. */
function affineOf(op: Operation, producers: Producers): Affine | undefined {
  const steps: { code: number; numbers: Floats }[] = [];
  let at: Operation | undefined = op;
  while (at?.kind === "binary" && (at.code === BINARY.add || at.code === BINARY.multiply)) {
    const [output] = at.outputs as [Value];
    const [left, right] = at.inputs as [Value, Value];
    const known = right.data === undefined ? left : right;
    const x: Value = known === left ? right : left;
    if (`${x.shape}` !== `${output.shape}`) return undefined;
    const numbers = perChannel(known, x.shape[1] ?? 0, x.shape.length);
    if (numbers === undefined) return undefined;
    steps.unshift({ code: at.code, numbers });
    at = producers.only(x, "binary") ?? convolutionOf(x, producers);
  }
  return at?.kind === "conv" && steps.length > 0 ? { conv: at, steps } : undefined;
}

/** The convolution that makes a value; a sequence's is one of a picture of one line, whose shape is changed afterwards. */
function convolutionOf(x: Value, producers: Producers): Operation<"conv"> | undefined {
  const [picture] = producers.only(x, "reshape")?.inputs ?? [];
  if (picture === undefined) return producers.only(x, "conv");
  const sameChannels = picture.shape[0] === x.shape[0] && picture.shape[1] === x.shape[1];
  return sameChannels ? producers.only(picture, "conv") : undefined;
}

/** Weights and biases with factors and summands in them, kept with a graph's constants, so that they are packed once. */
class Folded extends Shared {
  readonly weights: Floats;
  readonly bias: Floats;

  constructor(weights: Floats, bias: Floats) {
    super();
    this.weights = weights;
    this.bias = bias;
  }

  protected free(): void {}
}

function fold({ conv, steps }: Affine): Folded {
  const [, weights, bias] = conv.inputs as [Value, Value, Value | undefined];
  const channels = weights.shape[0] as number;
  const each = weights.size / channels;
  const w = (weights.data as Floats).slice();
  const b = allocate(weights.precision, channels);
  for (let c = 0; c < channels; c++) {
    // In f64, rounded once.
    let [factor, shift] = [1, bias?.data?.[c] ?? 0];
    for (const { code, numbers } of steps) {
      const number = numbers[c] as number;
      if (code === BINARY.add) shift += number;
      else [factor, shift] = [factor * number, shift * number];
    }
    for (let i = c * each; i < (c + 1) * each; i++) w[i] = (w[i] as number) * factor;
    b[c] = shift;
  }
  return new Folded(w, b);
}

/**
 * A convolution whose channels are scaled and shifted by known numbers, as by a batch normalisation → the convolution with
 * other weights.
 */
export function channelAffine(
  op: Operation,
  producers: Producers,
  constants: Constants,
): readonly Operation[] | undefined {
  const affine = affineOf(op, producers);
  if (affine === undefined) return undefined;
  const { conv, steps } = affine;
  const [x, weights, bias] = conv.inputs as [Value, Value, Value | undefined];
  if (weights.data === undefined || (bias !== undefined && bias.data === undefined))
    return undefined;
  const parts = [bias?.data, ...steps.map(({ numbers }) => numbers)];
  const form = `affine ${steps.map(({ code }) => code)} ${parts.map((each) => constants.idOf(each))}`;
  const made = constants.keep(weights.data, form, () => fold(affine));
  if (!allFinite(made.weights) || !allFinite(made.bias)) return undefined;
  const { kind, precision } = weights;
  const size = made.bias.length;
  const shift = { kind, precision, shape: [size], size, data: made.bias, origins: 0 };
  const [output] = op.outputs as [Value];
  const [picture] = conv.outputs as [Value];
  const inputs = [x, { ...weights, data: made.weights }, shift];
  if (`${picture.shape}` === `${output.shape}`) return [{ ...conv, inputs, outputs: [output] }];
  const shifted = { ...picture };
  const { where } = op;
  return [
    { ...conv, inputs, outputs: [shifted] },
    { kind: "reshape", inputs: [shifted], outputs: [output], where },
  ];
}
