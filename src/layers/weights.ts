import type { Cell } from "../cells/cell.js";
import { ShapeError } from "../errors.js";
import {
  type LayerSizes,
  layerDirectionCount,
  type StackShape,
  sizesOf,
} from "../sequence/shape.js";
import { Stack } from "../sequence/stack.js";
import { type FillWeights, Weights } from "../sequence/weights.js";
import { describe, formatShape, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import type { RecurrentOptions } from "./options.js";
import { shapeOf } from "./shape.js";

/** A weight: numbers in C order, or a tensor of them. */
export type WeightData =
  | Float64Array
  | Float32Array
  | { readonly shape: readonly number[]; readonly data: Float64Array | Float32Array };

/** The first part of a weight's name. */
export type WeightPart =
  | "weight_ih"
  | "weight_hh"
  | "bias_ih"
  | "bias_hh"
  | "weight_hr"
  | "peephole";

/** PyTorch's name of a weight: the layer from 0, and `_reverse` for the second direction. */
export type WeightName = `${WeightPart}_l${number}` | `${WeightPart}_l${number}_reverse`;

/**
 * The weights of a network under PyTorch's names; D directions, G gates in PyTorch's order (LSTM i, f, g, o; GRU r, z, n):
 * `weight_ih_l0` (G·na, nx), in higher layers (G·na, D·nh); `weight_hh_l0` (G·na, nh); `bias_ih_l0`, `bias_hh_l0` (G·na), absent
 * in a network without bias; with a projection `weight_hr_l0` (nh, na); with peepholes `peephole_l0` (3·na), for i, f, o.
 */
export type LayerWeights = { readonly [name in WeightName]?: WeightData | undefined };

/** The gradients under the weights' names. */
export interface LayerGradients {
  weight_ih_l0: Tensor;
  weight_hh_l0: Tensor;
  bias_ih_l0: Tensor;
  bias_hh_l0: Tensor;
  [name: WeightName]: Tensor;
}

const isFloats = (value: unknown): value is Float64Array | Float32Array =>
  value instanceof Float64Array || value instanceof Float32Array;

/** The numbers of one weight, once its size is known to be right. */
function numbers(
  name: string,
  value: WeightData | undefined,
  shape: readonly number[],
): Float64Array | Float32Array {
  const data = isFloats(value) ? value : value?.data;
  if (!isFloats(data)) {
    throw new TypeError(
      `load: ${name}: expected Float64Array, Float32Array or a tensor, got ${describe(value)}`,
    );
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  const given = isFloats(value) || value === undefined ? undefined : value.shape;
  const fits =
    given === undefined ||
    (given.length === shape.length && given.every((extent, i) => extent === shape[i]));
  if (!fits || data.length !== size) {
    const got = given === undefined ? `${data.length} numbers` : formatShape(given);
    throw new ShapeError(`load: ${name}: expected ${formatShape(shape)}, got ${got}`);
  }
  return data;
}

/** How the names of the weights of layer l in direction d end. */
export const suffixOf = (l: number, d: number): `l${number}` | `l${number}_reverse` =>
  d === 0 ? `l${l}` : `l${l}_reverse`;

/** Checks the weights of a network, and says how they fill those of each layer direction. */
function checkWeights(shape: StackShape, weights: LayerWeights): FillWeights[] {
  if (typeof weights !== "object" || weights === null) {
    throw new TypeError(`load: weights: expected { weight_ih_l0, … }, got ${describe(weights)}`);
  }
  const D = shape.cells.length;
  const fills = Array.from({ length: layerDirectionCount(shape) }, (_, p) => {
    const l = Math.floor(p / D);
    return checkPass(shape.cells[p % D] as Cell, sizesOf(shape, l), weights, suffixOf(l, p % D));
  });
  // What the network has no place for would be left out in silence.
  for (const [name, value] of Object.entries(weights)) {
    const [, part, l, reverse] = NAME.exec(name) ?? [];
    if (part === undefined || value === undefined) continue;
    const lacks = lacking(shape, part, Number(l), reverse !== undefined);
    if (lacks !== undefined) throw new ShapeError(`load: ${name}: the network has ${lacks}`);
  }
  return fills;
}

const NAME = /^(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh|peephole)_l(\d+)(_reverse)?$/;

/** Says what a network has in place of the layer, the direction or the part that a weight's name asks for. */
function lacking(
  { cells, layers }: StackShape,
  part: string,
  l: number,
  reverse: boolean,
): string | undefined {
  if (l >= layers || (reverse && cells.length === 1)) {
    const directions = cells.length === 2 ? "two directions" : "one direction";
    return `${layers} layer${layers === 1 ? "" : "s"} of ${directions}`;
  }
  if (part === "weight_hr" && !cells[0]?.projected) return "no projection";
  if (part === "peephole" && !cells[0]?.peepholes) return "no peepholes";
  return undefined;
}

function checkPass(
  cell: Cell,
  { nx, na, nh }: LayerSizes,
  weights: LayerWeights,
  suffix: ReturnType<typeof suffixOf>,
): FillWeights {
  const rows = cell.input.length * na;
  const take = (part: WeightPart, ...shape: number[]) => {
    const name: WeightName = `${part}_${suffix}`;
    return numbers(name, weights[name], shape);
  };
  const bias = (part: "bias_ih" | "bias_hh") =>
    weights[`${part}_${suffix}`] === undefined ? undefined : take(part, rows);
  const ih = take("weight_ih", rows, nx);
  const hh = take("weight_hh", rows, nh);
  const biases = { ih: bias("bias_ih"), hh: bias("bias_hh") };
  const hr = cell.projected ? take("weight_hr", nh, na) : undefined;
  const peepholes = cell.peepholes ? take("peephole", 3 * na) : undefined;
  return (to) => {
    copyBlocks(ih, to.Wx, cell.input, na * nx);
    copyBlocks(hh, to.Wh, cell.recurrent, na * nh);
    cell.bias.forEach((from, block) => {
      for (let i = 0; i < na; i++) {
        // Summed in f64 before it is rounded to the network's precision.
        let sum = 0;
        for (const kind of ["ih", "hh"] as const) {
          const source = from[kind];
          if (source !== undefined) sum += biases[kind]?.[source * na + i] ?? 0;
        }
        to.bias[block * na + i] = sum;
      }
    });
    if (hr !== undefined) to.Wr.set(hr);
    if (peepholes !== undefined) to.peepholes.set(peepholes);
  };
}

/** Block i of the target is block order[i] of the source. */
function copyBlocks(
  source: Float64Array | Float32Array,
  target: Float64Array | Float32Array,
  order: readonly number[],
  size: number,
): void {
  order.forEach((from, i) => {
    target.set(source.subarray(from * size, (from + 1) * size), i * size);
  });
}

/**
 * Packs the weights of a stack.
 *
 * @throws {TypeError | ShapeError} for a weight that is missing or of the wrong kind or size: nothing is allocated then
 */
export function packStack(engine: Engine, shape: StackShape, weights: LayerWeights): Stack {
  const fills = checkWeights(shape, weights);
  const D = shape.cells.length;
  const packed: Weights[] = [];
  try {
    fills.forEach((fill, p) => {
      const cell = shape.cells[p % D] as Cell;
      packed.push(new Weights(engine, cell, sizesOf(shape, Math.floor(p / D)), fill));
    });
  } catch (error) {
    for (const made of packed) made.release();
    throw error;
  }
  return new Stack(engine, shape, packed);
}

/** The stack of a network that nobody needs as a `Recurrent`. To be released. */
export const createStack = (
  engine: Engine,
  options: RecurrentOptions,
  weights: LayerWeights,
): Stack => packStack(engine, shapeOf(engine, options), weights);
