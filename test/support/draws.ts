import fc from "fast-check";
import type { CellRow, State } from "./cells.js";
import { randomTensor, uniform } from "./random.js";
import type { Tensor } from "./subject.js";

export interface Sizes {
  nx: number;
  na: number;
  ny: number;
  m: number;
  T: number;
}

/** A network, its operands, and gradients for it. */
export interface Draw extends Sizes {
  parameters: Record<string, Tensor>;
  x: Tensor;
  initial: State;
  /** Of every step's hidden state. */
  da: Tensor;
  /** Of the state after the last step, or of any single one. */
  d: State;
  /** Class ids (m, T), some of them −1. */
  targets: Int32Array;
}

/**
 * Everything that a cell computes with, from a seed. The weights are those of a stable network, at most 1/√(na + nx): a
 * larger recurrent matrix doubles a rounding error at every step, and then no bound would mean anything.
 */
export function draw(cell: CellRow, sizes: Sizes, seed: number): Draw {
  const { nx, na, ny, m, T } = sizes;
  const next = uniform(seed);
  const scale = 1 / Math.sqrt(na + nx);
  const state = (): State => {
    const a = randomTensor(next, na, m);
    return cell.hasMemory ? { a, c: randomTensor(next, na, m) } : { a };
  };
  return {
    ...sizes,
    parameters: cell.parameters(() => scale * next(), { nx, na, ny }),
    x: randomTensor(next, nx, m, T),
    initial: state(),
    da: randomTensor(next, na, m, T),
    d: state(),
    targets: Int32Array.from(
      { length: m * T },
      () => Math.floor(((next() + 1) / 2) * (ny + 1)) - 1,
    ),
  };
}

/** Sizes below, at and above every tile of the kernels: four rows by one panel of 4, one row by four panels. */
export const sizes = (least = 0): fc.Arbitrary<Sizes> =>
  fc.record({
    nx: fc.integer({ min: 1, max: 20 }),
    na: fc.integer({ min: 1, max: 20 }),
    ny: fc.integer({ min: 1, max: 20 }),
    m: fc.integer({ min: least, max: 20 }),
    T: fc.integer({ min: least, max: 20 }),
  });

export const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** The same draws at each run. */
export const FIXED = { seed: 20_231_123, numRuns: 40 } as const;
