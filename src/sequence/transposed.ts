import type { TransposedWeights } from "../cells/cell.js";
import { Layout } from "./layout.js";
import type { Linear } from "./linear.js";
import type { Stack } from "./stack.js";
import type { PackedTranspose, Weights } from "./weights.js";

// Backward passes multiply by the transposed matrices. They are packed at the first such pass.

/** The panels of the transposed matrices of a layer direction. The first call allocates and packs them. */
export function transposedOf(weights: Weights): TransposedWeights {
  if (weights.transposed === undefined) {
    weights.transposed = place(weights);
    packTransposed(weights);
  }
  return weights.transposed.weights;
}

/** Packs the transposed matrices of all layer directions, or of none if memory does not suffice. */
export function transpose({ layerDirections }: Stack): void {
  const fresh = layerDirections.filter((weights) => weights.transposed === undefined);
  try {
    for (const weights of fresh) transposedOf(weights);
  } catch (error) {
    for (const weights of fresh) weights.forgetTransposed();
    throw error;
  }
}

/** The panels of Wyᵀ, packed at the first use. May allocate. */
export function transposedLinear(linear: Linear): number {
  if (linear.transposed === undefined) {
    const { engine, dtype, ny, na, W } = linear;
    const layout = new Layout(dtype);
    layout.takePanels(na, ny);
    linear.transposed = engine.arena.allocate(layout.bytes);
    dtype.kernels.pack_panels(na, ny, 1, na, W, linear.transposed.pointer);
  }
  return linear.transposed.pointer;
}

/** Places for the transposed matrices. */
function place({ engine, dtype, cell, nx, na, nh }: Weights): PackedTranspose {
  const layout = new Layout(dtype);
  const gates = cell.input.length * na;
  const panelsX = layout.takePanels(nx, gates);
  const products = cell.products.map(({ blocks }) => layout.takePanels(nh, blocks * na));
  const projection = cell.projected ? layout.takePanels(na, nh) : 0;
  const block = engine.arena.allocate(layout.bytes);
  const { pointer } = block;
  const weights = {
    panelsX: pointer + panelsX,
    products: products.map((offset) => pointer + offset),
    projection: pointer + projection,
  };
  return { block, weights };
}

/** Packs the transposed matrices of weights that have a place for them: again, if their matrices were changed. */
export function packTransposed({ dtype, cell, nx, na, nh, raw, transposed }: Weights): void {
  if (transposed === undefined) return;
  const { weights } = transposed;
  const { kernels, item } = dtype;
  const gates = cell.input.length * na;
  kernels.pack_panels(nx, gates, 1, nx, raw.Wx, weights.panelsX);
  let { Wh } = raw;
  cell.products.forEach(({ blocks }, i) => {
    kernels.pack_panels(nh, blocks * na, 1, nh, Wh, weights.products[i] as number);
    Wh += blocks * na * nh * item;
  });
  if (cell.projected) kernels.pack_panels(na, nh, 1, na, raw.Wr, weights.projection);
}
