import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { loaded } from "../support/stored.js";
import type { TorchCase } from "../support/torch.js";
import { type DirectionState, type NetworkPart, runRecurrent } from "./model.js";

// PyTorch sums in another order; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

const cases = fixtures<TorchCase>("torch-cases");

/** States (layers · directions, m, n) of sequence b, one by one. */
const statesOf = (given: TorchCase, which: "initial" | "final", b: number): DirectionState[] => {
  const [h, c] = which === "initial" ? [given.h0, given.c0] : [given.h_n, given.c_n];
  const [count = 0, m = 0, n = 0] = h.shape;
  const of = (data: ArrayLike<number> | undefined, p: number): number[] =>
    data === undefined ? [] : Array.from(data).slice((p * m + b) * n, (p * m + b + 1) * n);
  return Array.from({ length: count }, (_, p) => ({
    h: of(loaded(h).data, p),
    c: of(c && loaded(c).data, p),
  }));
};

describe(`the oracle of networks by PyTorch's cases, to ${BOUND}`, () => {
  it.each(cases)("$name", ({ content: given }) => {
    const weights = Object.entries(given.weights).map(([name, value]) => [name, loaded(value)]);
    const { cell, layers, bidirectional } = given;
    const part: NetworkPart = {
      options: {
        ...{ cell, layers, bidirectional },
        inputSize: given.input_size,
        hiddenSize: given.hidden_size,
      },
      weights: Object.fromEntries(weights),
    };
    given.x.forEach((stored, b) => {
      const x = loaded(stored);
      const [T = 0, nx = 0] = x.shape;
      const rows = Array.from({ length: T }, (_, t) =>
        Array.from(x.data.subarray(t * nx, (t + 1) * nx)),
      );
      const made = runRecurrent(part, rows, statesOf(given, "initial", b));
      const y = loaded(given.y[b] as (typeof given.y)[number]);
      const got = { shape: y.shape, data: Float64Array.from(made.steps.flat()) };
      expect(relativeError(got, y)).toBeLessThan(BOUND);
      const flat = (states: readonly DirectionState[]) => {
        const data = Float64Array.from(states.flatMap(({ h, c }) => [...h, ...c]));
        return { shape: [data.length], data };
      };
      const ends = flat(made.states);
      expect(relativeError(ends, flat(statesOf(given, "final", b)))).toBeLessThan(BOUND);
    });
  });
});
