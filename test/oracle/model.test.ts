import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { loaded } from "../support/stored.js";
import type { TorchCase } from "../support/torch.js";
import { type Network, type PassState, runNetwork } from "./model.js";

// PyTorch sums in another order; three layers over eleven steps multiply what they differ by.
const BOUND = 1e-11;

const cases = fixtures<TorchCase>("torch-cases");

/** States (passes, m, n) of sequence b, pass by pass. */
const statesOf = (given: TorchCase, which: "initial" | "final", b: number): PassState[] => {
  const [h, c] = which === "initial" ? [given.h0, given.c0] : [given.h_n, given.c_n];
  const [passes = 0, m = 0, n = 0] = h.shape;
  const of = (data: ArrayLike<number> | undefined, p: number): number[] =>
    data === undefined ? [] : Array.from(data).slice((p * m + b) * n, (p * m + b + 1) * n);
  return Array.from({ length: passes }, (_, p) => ({
    h: of(loaded(h).data, p),
    c: of(c && loaded(c).data, p),
  }));
};

describe(`the oracle of networks by PyTorch's cases, to ${BOUND}`, () => {
  it.each(cases)("$name", ({ content: given }) => {
    const weights = Object.entries(given.weights).map(([name, value]) => [name, loaded(value)]);
    const { cell, layers, bidirectional } = given;
    const network: Network = {
      input: { kind: "features", size: given.input_size },
      recurrent: [
        {
          options: {
            ...{ cell, layers, bidirectional },
            inputSize: given.input_size,
            hiddenSize: given.hidden_size,
          },
          weights: Object.fromEntries(weights),
        },
      ],
      dense: [],
    };
    given.x.forEach((stored, b) => {
      const x = loaded(stored);
      const [T = 0, nx = 0] = x.shape;
      const rows = Array.from({ length: T }, (_, t) =>
        Array.from(x.data.subarray(t * nx, (t + 1) * nx)),
      );
      const made = runNetwork(network, rows, false, [statesOf(given, "initial", b)]);
      const y = loaded(given.y[b] as (typeof given.y)[number]);
      const got = { shape: y.shape, data: Float64Array.from(made.steps.flat()) };
      expect(relativeError(got, y)).toBeLessThan(BOUND);
      const flat = (states: readonly PassState[]) => {
        const data = Float64Array.from(states.flatMap(({ h, c }) => [...h, ...c]));
        return { shape: [data.length], data };
      };
      const ends = flat(made.states[0] as PassState[]);
      expect(relativeError(ends, flat(statesOf(given, "final", b)))).toBeLessThan(BOUND);
    });
  });
});
