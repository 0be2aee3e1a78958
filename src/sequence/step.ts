import { type ForwardStep, gateElements, inputProducts } from "../cells/cell.js";
import type { Layout } from "./plan.js";
import { layerDirectionCount, type Stack, type StackShape } from "./stack.js";
import type { Weights } from "./weights.js";

/** Where one live step of m sequences works: pointers. */
export interface StepScratch {
  /** In: (m, nx). */
  x: number;
  /** The cell's rows; in, where the lowest layer's input products are known. */
  gates: number;
  u: number;
}

/** Lays out what a step needs. */
export function takeStepScratch(layout: Layout, shape: StackShape, m: number): StepScratch {
  const { cells, nx, na } = shape;
  const rows = cells.reduce((most, cell) => Math.max(most, gateElements(cell, na)), 0);
  const projected = cells.some((cell) => cell.projected);
  const x = layout.take(m * nx);
  const gates = layout.take(m * rows);
  return { x, gates, u: layout.take(projected ? m * na : 0) };
}

/** Lays out a state: h (layers·D, m, nh) and, for a cell with a memory, c (layers·D, m, na). */
export function takeState(layout: Layout, shape: StackShape, m: number): { h: number; c: number } {
  const { cells, na, nh } = shape;
  const h = layout.take(layerDirectionCount(shape) * m * nh);
  return { h, c: layout.take(cells[0]?.hasCellState ? layerDirectionCount(shape) * m * na : 0) };
}

const at: ForwardStep = { hPrev: 0, cPrev: 0, gates: 0, h: 0, c: 0, u: 0 };

/**
 * One live step of m sequences through a stack of one direction, in place: layer by layer, from x or, if `fed`, from input
 * products that stand in gates. Allocates nothing.
 */
export function stepStack(
  { layerDirections }: Stack,
  m: number,
  state: { h: number; c: number },
  scratch: StepScratch,
  fed: boolean,
): void {
  for (let l = 0; l < layerDirections.length; l++) {
    const weights = layerDirections[l] as Weights;
    const { cell, na, nh, dtype } = weights;
    const part = m * nh * dtype.item;
    at.h = state.h + l * part;
    at.c = state.c + l * m * na * dtype.item;
    at.hPrev = at.h;
    at.cPrev = at.c;
    at.gates = scratch.gates;
    at.u = scratch.u;
    if (l > 0 || !fed) {
      const x = l === 0 ? scratch.x : at.h - part;
      inputProducts(cell, weights, m, x, at.gates, gateElements(cell, na));
    }
    cell.forward(weights, m, at);
  }
}
