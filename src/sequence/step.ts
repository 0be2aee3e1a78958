import { type ForwardStep, gateElements, inputProducts } from "../cells/cell.js";
import type { Layout } from "./layout.js";
import type { StackShape } from "./shape.js";
import type { Stack } from "./stack.js";
import type { StackState } from "./state.js";
import type { Weights } from "./weights.js";

/** The buffers of one live step of m sequences: pointers. */
export interface StepScratch {
  /** In: (m, nx). */
  readonly x: number;
  /** The cell's gates; if `fed`, the input products of the lowest layer go in. */
  readonly gates: number;
  readonly u: number;
  /** Whether `gates` already holds the input products of the lowest layer; x is not read then. */
  readonly fed: boolean;
  /** Reused by every step, so that a step makes no object. */
  readonly at: ForwardStep;
}

/** Lays out the buffers of a step: offsets. */
export function takeStepScratch(layout: Layout, shape: StackShape, m: number) {
  const { cells, nx, na } = shape;
  const elements = cells.reduce((most, cell) => Math.max(most, gateElements(cell, na)), 0);
  const projected = cells.some((cell) => cell.projected);
  const x = layout.take(m * nx);
  const gates = layout.take(m * elements);
  return { x, gates, u: layout.take(projected ? m * na : 0) };
}

/** Turns the offsets into pointers. */
export const stepScratchAt = (
  pointer: number,
  offsets: ReturnType<typeof takeStepScratch>,
  { fed }: { fed: boolean },
): StepScratch => ({
  x: pointer + offsets.x,
  gates: pointer + offsets.gates,
  u: pointer + offsets.u,
  fed,
  at: { hPrev: 0, cPrev: 0, gates: 0, h: 0, c: 0, u: 0 },
});

/** One live step of m sequences through a stack of one direction, in place, layer by layer. Allocates nothing. */
export function forwardStep(
  { layerDirections }: Stack,
  m: number,
  state: StackState,
  { x, gates, u, fed, at }: StepScratch,
): void {
  for (let l = 0; l < layerDirections.length; l++) {
    const weights = layerDirections[l] as Weights;
    const { cell, na, nh, dtype } = weights;
    const part = m * nh * dtype.item;
    at.h = state.h + l * part;
    at.c = state.c + l * m * na * dtype.item;
    at.hPrev = at.h;
    at.cPrev = at.c;
    at.gates = gates;
    at.u = u;
    if (l > 0 || !fed) {
      const input = l === 0 ? x : at.h - part;
      inputProducts(cell, weights, m, input, gates, gateElements(cell, na));
    }
    cell.forward(weights, m, at);
  }
}
