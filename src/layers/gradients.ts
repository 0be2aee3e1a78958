import type { Cell } from "../cells/cell.js";
import type { GradientBlock } from "../sequence/direction.js";
import { layerDirectionCount, type StackShape, sizesOf } from "../sequence/shape.js";
import type { WeightArrays } from "../sequence/weights.js";
import { checkObject, checkShape, type Tensor } from "../tensor.js";
import { newTensor } from "./operands.js";
import { checkLengths, copyNumbers } from "./sequences.js";
import { checkPart, type StateTensors, statePartsOf } from "./state.js";
import type { LayerTape } from "./tape.js";
import { type LayerGradients, suffixOf, type WeightName } from "./weights.js";

interface Gradients {
  /** The gradient of the initial state. */
  dState: StateTensors<Float64Array>;
  /** The gradients of the weights, under their names. */
  gradients: LayerGradients;
}

/** The gradients for a pass over one tensor. */
export interface BackwardResult extends Gradients {
  /** The gradient of x, (T, m, nx). */
  dx: Tensor;
}

/** The gradients for a pass over a list of sequences. */
export interface ListBackwardResult extends Gradients {
  /** The gradient of each sequence, (T_b, nx). */
  dInputs: Tensor[];
}

/** The gradient of one weight: the name and shape of its tensor, and its place among those of its layer direction. */
export interface GradientPart {
  readonly name: WeightName;
  readonly shape: readonly number[];
  readonly source: keyof WeightArrays;
  /** For each block in the cell's order its index in PyTorch's order, if it has one. */
  readonly order: readonly (number | undefined)[];
  /** Numbers in a block. */
  readonly size: number;
}

/** The gradients of each layer direction of a network. */
export type GradientParts = readonly (readonly GradientPart[])[];

const known = new WeakMap<StackShape, GradientParts>();

/** The gradients of a network, made once. */
export function gradientPartsOf(shape: StackShape): GradientParts {
  let parts = known.get(shape);
  if (parts === undefined) {
    parts = gradientParts(shape);
    known.set(shape, parts);
  }
  return parts;
}

const gradientParts = (shape: StackShape): GradientParts =>
  Array.from({ length: layerDirectionCount(shape) }, (_, p) => {
    const D = shape.cells.length;
    const [l, d] = [Math.floor(p / D), p % D];
    const { input, recurrent, bias, projected, peepholes } = shape.cells[d] as Cell;
    const { nx, na, nh } = sizesOf(shape, l);
    const rows = input.length * na;
    const suffix = suffixOf(l, d);
    const [ih, hh] = [bias.map((from) => from.ih), bias.map((from) => from.hh)];
    const [x, h, all, one] = [na * nx, na * nh, [0], 3 * na];
    const parts: GradientPart[] = [
      { name: `weight_ih_${suffix}`, shape: [rows, nx], source: "Wx", order: input, size: x },
      { name: `weight_hh_${suffix}`, shape: [rows, nh], source: "Wh", order: recurrent, size: h },
      { name: `bias_ih_${suffix}`, shape: [rows], source: "bias", order: ih, size: na },
      { name: `bias_hh_${suffix}`, shape: [rows], source: "bias", order: hh, size: na },
      { name: `weight_hr_${suffix}`, shape: [nh, na], source: "Wr", order: all, size: h },
      { name: `peephole_${suffix}`, shape: [one], source: "peepholes", order: all, size: one },
    ];
    const has = { Wr: projected, peepholes, Wx: true, Wh: true, bias: true };
    return parts.filter(({ source }) => has[source]);
  });

/** Copies a gradient to its tensor, from the cell's order of blocks to PyTorch's. */
export function copyGradient(block: GradientBlock, part: GradientPart, target: Tensor): void {
  const { order, size } = part;
  const start = block[part.source];
  for (let i = 0; i < order.length; i++) {
    const to = order[i];
    if (to === undefined) continue;
    copyNumbers(block.all, start + i * size, target.data, to * size, size);
  }
}

const zeros = (shape: readonly number[]): Tensor => newTensor("backward", shape, Float64Array);

/** Makes the tensors for the results of a backward pass. */
export function newResult(
  { batch, isList, stack: { shape } }: LayerTape,
  parts: GradientParts,
): BackwardResult | ListBackwardResult {
  const { m, T } = batch;
  const { nx } = shape;
  const dState = {} as StateTensors<Float64Array>;
  for (const { name, shape: extents } of statePartsOf(shape, m)) dState[name] = zeros(extents);
  const gradients = {} as LayerGradients;
  for (const each of parts) for (const part of each) gradients[part.name] = zeros(part.shape);
  if (!isList) return { dx: zeros([T, m, nx]), dState, gradients };
  return {
    dInputs: batch.lengthsInOrder().map((length) => zeros([length, nx])),
    dState,
    gradients,
  };
}

/** Checks that `out` has all tensors for the results of a backward pass. */
export function checkResult(
  { batch, isList, stack: { shape } }: LayerTape,
  parts: GradientParts,
  out: BackwardResult | ListBackwardResult,
): void {
  const where = "backward";
  const origin = " (from the tape)";
  const { m, T } = batch;
  const { nx } = shape;
  checkObject(where, "out", out);
  const { dState, gradients } = out;
  checkObject(where, "out.dState", dState);
  checkObject(where, "out.gradients", gradients);
  for (const { name } of statePartsOf(shape, m)) {
    checkPart(where, `out.dState.${name}`, dState[name] as Tensor, shape, { m, origin });
  }
  for (const each of parts) {
    for (const { name, shape: extents } of each) {
      const letters = extents.map(String);
      checkShape(where, `out.gradients.${name}`, gradients[name] as Tensor, letters, extents, "");
    }
  }
  if (isList) {
    const { dInputs } = out as ListBackwardResult;
    checkLengths(batch, "out.dInputs", dInputs, { letter: "nx", n: nx });
  } else {
    const { dx } = out as BackwardResult;
    checkShape(where, "out.dx", dx, ["T", "m", "nx"], [T, m, nx], origin);
  }
}
