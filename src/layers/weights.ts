import type { Cell } from "../cells/cell.js";
import type { KernelChoice } from "../cells/kernels.js";
import { ShapeError } from "../errors.js";
import { nearest } from "../options.js";
import {
  type LayerSizes,
  layerDirectionCount,
  type StackShape,
  sizesOf,
} from "../sequence/shape.js";
import { Stack } from "../sequence/stack.js";
import { type FillWeights, Weights } from "../sequence/weights.js";
import { describe, formatShape, isDetached, isNumbers, type Tensor } from "../tensor.js";
import type { EngineCore } from "../wasm/engine.js";
import type { RecurrentOptions } from "./options.js";
import { shapeOf } from "./shape.js";

/** A weight: its numbers in C order, or a tensor of them. */
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

const PARTS: readonly WeightPart[] = [
  "weight_ih",
  "weight_hh",
  "bias_ih",
  "bias_hh",
  "weight_hr",
  "peephole",
];

/** PyTorch's name of a weight: layers count from 0, and `_reverse` marks the second direction. */
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

type Numbers = Float64Array | Float32Array;

const isFloats = (value: unknown): value is Numbers =>
  isNumbers(value, Float64Array) || isNumbers(value, Float32Array);

/** Checks a weight; returns its numbers. */
function checkWeight(
  name: string,
  value: WeightData | undefined,
  expected: readonly number[],
): Numbers {
  const where = `load: ${name}`;
  const data: unknown = isFloats(value) ? value : value?.data;
  if (!isFloats(data)) {
    throw new TypeError(
      `${where}: expected Float64Array, Float32Array or a tensor, got ${describe(value)}`,
    );
  }
  const shape: unknown = isFloats(value) ? undefined : value?.shape;
  if (shape !== undefined && !Array.isArray(shape)) {
    throw new TypeError(`${where}: shape: expected an array of integers, got ${describe(shape)}`);
  }
  const size = expected.reduce((product, extent) => product * extent, 1);
  const fits =
    shape === undefined ||
    (shape.length === expected.length && expected.every((extent, i) => extent === shape[i]));
  if (fits && data.length === size) return data;
  if (isDetached(data)) throw new TypeError(`${where}: the buffer of its data is detached`);
  const got = fits ? `${data.length} numbers` : formatShape(shape.map(String));
  throw new ShapeError(`${where}: expected ${formatShape(expected)}, got ${got}`);
}

/** How the names of the weights of layer l in direction d end. */
export const suffixOf = (l: number, d: number): `l${number}` | `l${number}_reverse` =>
  d === 0 ? `l${l}` : `l${l}_reverse`;

/** Checks the weights of a network; returns for each layer direction the function that copies its weights. */
function checkWeights(shape: StackShape, weights: LayerWeights): FillWeights[] {
  if (typeof weights !== "object" || weights === null) {
    throw new TypeError(`load: weights: expected { weight_ih_l0, … }, got ${describe(weights)}`);
  }
  const D = shape.cells.length;
  const fills: FillWeights[] = [];
  // The first weight that is missing ends the loop: a network has as many layers as its options say.
  for (let p = 0; p < layerDirectionCount(shape); p++) {
    const [l, d] = [Math.floor(p / D), p % D];
    fills.push(
      checkLayerDirection(shape.cells[d] as Cell, sizesOf(shape, l), weights, suffixOf(l, d)),
    );
  }
  for (const [name, value] of Object.entries(weights)) {
    if (value !== undefined) checkName(shape, name);
  }
  return fills;
}

const NAME = /^(.+)_l(\d+)(_reverse)?$/;

/**
 * Throws if a name is misspelt, or belongs to a layer, a direction or a part that the network lacks: the weight would be
 * left out in silence. Other names may be there, as those of the whole model's other modules are.
 */
function checkName({ cells, layers }: StackShape, name: string): void {
  const [, part = "", l, reverse = ""] = NAME.exec(name) ?? [];
  const meant = PARTS.find((each) => each === part) ?? nearest(part, PARTS);
  if (meant === undefined) return;
  if (meant !== part) {
    throw new TypeError(`load: ${name}: unknown weight: did you mean ${meant}_l${l}${reverse}?`);
  }
  const refuse = (lack: string) => new ShapeError(`load: ${name}: the network has ${lack}`);
  if (Number(l) >= layers || (reverse !== "" && cells.length === 1)) {
    const directions = cells.length === 2 ? "two directions" : "one direction";
    throw refuse(`${layers} layer${layers === 1 ? "" : "s"} of ${directions}`);
  }
  if (part === "weight_hr" && !cells[0]?.projected) throw refuse("no projection");
  if (part === "peephole" && !cells[0]?.peepholes) throw refuse("no peepholes");
}

function checkLayerDirection(
  cell: Cell,
  { nx, na, nh }: LayerSizes,
  weights: LayerWeights,
  suffix: ReturnType<typeof suffixOf>,
): FillWeights {
  const rows = cell.input.length * na;
  const take = (part: WeightPart, ...shape: number[]) => {
    const name: WeightName = `${part}_${suffix}`;
    return checkWeight(name, weights[name], shape);
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

/** Copies blocks: block i of the target is block order[i] of the source. */
function copyBlocks(
  source: Numbers,
  target: Numbers,
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
 * @throws {TypeError | ShapeError} for a weight that is missing or of the wrong kind or size, before anything is allocated
 */
export function packStack(engine: EngineCore, shape: StackShape, weights: LayerWeights): Stack {
  const fills = checkWeights(shape, weights);
  const D = shape.cells.length;
  const packed: Weights[] = [];
  try {
    for (const [p, fill] of fills.entries()) {
      const cell = shape.cells[p % D] as Cell;
      packed.push(new Weights(engine, cell, sizesOf(shape, Math.floor(p / D)), fill));
    }
  } catch (error) {
    for (const made of packed) made.release();
    throw error;
  }
  return new Stack(engine, shape, packed);
}

/** Makes the stack of a network without its public face. The caller releases it. */
export const createStack = (
  engine: EngineCore,
  options: RecurrentOptions,
  weights: LayerWeights,
  choice: KernelChoice,
): Stack => packStack(engine, shapeOf(engine, options, choice), weights);
