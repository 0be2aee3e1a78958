import { type RecurrentOptions, type RecurrentWeights, recurrentForward } from "./recurrent.js";
import { type Tensor, zeros } from "./tensor.js";

// Whole networks, one sequence at a time: layers on top of each other, each of one or two directions.

export interface Network {
  readonly layers: number;
  /** For each direction its cell, and whether it reads from the end. */
  readonly directions: readonly { readonly cell: RecurrentOptions; readonly fromEnd: boolean }[];
}

export interface State {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

const reversed = ({ shape, data }: Tensor): Tensor => {
  const [T = 0, n = 0] = shape;
  const rows = Array.from({ length: T }, (_, t) => data.subarray(t * n, (t + 1) * n));
  return { shape, data: Float64Array.from(rows.reverse().flatMap((row) => [...row])) };
};

/** Two of (T, n) side by side. */
function beside(sides: readonly Tensor[]): Tensor {
  const T = sides[0]?.shape[0] ?? 0;
  const widths = sides.map(({ shape: [, n = 0] }) => n);
  const rows = Array.from({ length: T }, (_, t) =>
    sides.flatMap(({ data }, d) => {
      const n = widths[d] as number;
      return [...data.subarray(t * n, (t + 1) * n)];
    }),
  );
  const width = widths.reduce((sum, n) => sum + n, 0);
  const y = zeros(T, width);
  y.data.set(rows.flat());
  return y;
}

/**
 * A sequence (T, nx) through the network.
 *
 * @param weights of layer l and direction d
 * @param states of each pass, layer by layer, in it direction by direction
 * @returns what the highest layer gives, (T, D·nh), and the states that are reached
 */
export function runNetwork(
  { layers, directions }: Network,
  weights: (l: number, d: number) => RecurrentWeights,
  x: Tensor,
  states: readonly State[],
): { y: Tensor; states: State[] } {
  const reached: State[] = [];
  let y = x;
  for (let l = 0; l < layers; l++) {
    const sides = directions.map(({ cell, fromEnd }, d) => {
      const { h, c } = states[reached.length] as State;
      const input = fromEnd ? reversed(y) : y;
      const run = recurrentForward(cell, weights(l, d), input, h, c);
      reached.push({ h: Float64Array.from(run.h), c: Float64Array.from(run.c) });
      return fromEnd ? reversed(run.y) : run.y;
    });
    y = beside(sides);
  }
  return { y, states: reached };
}
