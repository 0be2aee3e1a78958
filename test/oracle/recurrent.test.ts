import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { fixtures } from "../support/fixtures.js";
import { randomTensor, uniform } from "../support/random.js";
import { type Activation, type ActivationName, FUNCTION_NAMES } from "./activations.js";
import { type RecurrentOptions, type RecurrentWeights, recurrentForward } from "./recurrent.js";
import { stencil } from "./stencil.js";
import { loaded, type Stored, type Tensor, zeros } from "./tensor.js";

const activation = (name: ActivationName, alpha = 0, beta = 0): Activation => ({
  name,
  alpha,
  beta,
});
const [sigmoid, tanh] = [activation("sigmoid"), activation("tanh")];
const STANDARD = { rnn: [tanh], lstm: [sigmoid, tanh, tanh], gru: [sigmoid, tanh] } as const;

interface RecurrentCase {
  source: string;
  options: Omit<RecurrentOptions, "activations">;
  weights: Record<keyof RecurrentWeights, Stored>;
  x: Stored;
  h0: Stored;
  c0?: Stored;
  y: Stored;
  dy?: Stored;
  dx?: Stored;
  dh0?: Stored;
  dc0?: Stored;
  dweights?: Record<string, Stored>;
}

const all = <T extends object>(stored: T): { [name in keyof T]: Tensor } =>
  Object.fromEntries(
    Object.entries(stored).map(([name, value]) => [name, loaded(value as Stored)]),
  ) as unknown as { [name in keyof T]: Tensor };

describe("ONNX's own cells and PyTorch's projection on the oracle of a layer", () => {
  // Sums in another order over six steps: seen at 2e-15.
  const BOUND = 1e-13;
  it.each(fixtures<RecurrentCase>("recurrent-cases"))(`$name: to ${BOUND}`, ({ content }) => {
    const { options, weights, x, h0, c0, y, dy, dweights } = content;
    const activations = STANDARD[options.cell];
    const [h, c] = [loaded(h0).data, c0 && loaded(c0).data];
    const made = recurrentForward({ ...options, activations }, all(weights), loaded(x), h, c);
    expect(relativeError(made.y, loaded(y))).toBeLessThan(BOUND);
    if (dy === undefined || dweights === undefined) return;
    const got = made.backward(loaded(dy));
    const vector = (data: Float64Array): Tensor => ({ shape: [data.length], data });
    const gradients = { dx: got.dx, dh0: vector(got.dh0), dc0: vector(got.dc0) };
    for (const name of ["dx", "dh0", "dc0"] as const) {
      const want = loaded(content[name] as Stored);
      expect(relativeError(gradients[name], want), name).toBeLessThan(BOUND);
    }
    for (const [name, want] of Object.entries(all(dweights))) {
      const gradient = got.dweights[name as keyof RecurrentWeights] as Tensor;
      expect(relativeError(gradient, want), name).toBeLessThan(BOUND);
    }
  });
});

const ROWS = { rnn: 1, lstm: 4, gru: 3 } as const;
const [T, nx, na] = [3, 2, 4];

// With a step of 1e-4 the stencil's rounding is 5e-12 of the loss, which may be 1e4 times a gradient. The seeds are such that no
// unit stands that near a corner of its function. A wrong term in a derivative moves it by percents.
const [STEP, BOUND] = [1e-4, 1e-7];

describe(`the oracle's gradients are its derivatives, to ${BOUND}`, () => {
  /** Σ y·dy + Σ c·dc, and its gradients held against differences in every operand. */
  function check(options: RecurrentOptions, seed: number, more: Partial<RecurrentWeights> = {}) {
    const next = uniform(seed);
    const rows = ROWS[options.cell] * na;
    const nh = more.weight_hr?.shape[0] ?? na;
    const weights: RecurrentWeights = {
      weight_ih: randomTensor(next, rows, nx),
      weight_hh: randomTensor(next, rows, nh),
      bias_ih: randomTensor(next, rows),
      bias_hh: randomTensor(next, rows),
      ...more,
    };
    const [x, h0, c0] = [
      randomTensor(next, T, nx),
      randomTensor(next, nh),
      randomTensor(next, options.cell === "lstm" ? na : 0),
    ];
    const [dy, dc] = [randomTensor(next, T, nh), randomTensor(next, c0.data.length)];
    const run = () => recurrentForward(options, weights, x, h0.data, c0.data);
    const dot = (a: Float64Array, b: Float64Array): number =>
      a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    const loss = (): number => {
      const { y, c } = run();
      return dot(y.data, dy.data) + dot(c, dc.data);
    };
    const got = run().backward(dy, dc.data);
    const hold = (name: string, data: Float64Array, operand: Tensor): void => {
      const error = relativeError({ shape: operand.shape, data }, stencil(loss, operand, STEP));
      expect(error, name).toBeLessThan(BOUND);
    };
    hold("x", got.dx.data, x);
    hold("h0", got.dh0, h0);
    if (options.cell === "lstm") hold("c0", got.dc0, c0);
    for (const [name, operand] of Object.entries(weights)) {
      hold(name, (got.dweights[name as keyof RecurrentWeights] as Tensor).data, operand);
    }
  }

  const peephole = randomTensor(uniform(9), 3 * na);
  const weight_hr = randomTensor(uniform(10), 3, na);

  it.each(FUNCTION_NAMES)("%s as f, and in every other place", (name) => {
    const other = activation(name, 0.7, 0.4);
    check({ cell: "rnn", activations: [other] }, 20);
    check({ cell: "lstm", activations: [other, tanh, tanh] }, 21);
    check({ cell: "lstm", activations: [sigmoid, other, tanh] }, 22);
    check({ cell: "lstm", activations: [sigmoid, tanh, other] }, 23);
    for (const before of [false, true]) {
      check({ cell: "gru", before, activations: [other, tanh] }, 24);
      check({ cell: "gru", before, activations: [sigmoid, other] }, 25);
    }
  });

  it.each([0.35, 0.8])("clip %f", (clip) => {
    check({ cell: "rnn", clip, activations: STANDARD.rnn }, 30);
    check({ cell: "lstm", clip, activations: STANDARD.lstm }, 31, { peephole });
    for (const before of [false, true]) {
      check({ cell: "gru", clip, before, activations: STANDARD.gru }, 32);
    }
  });

  it.each([false, true])(
    "LSTM, gates coupled: %s, with peepholes and with a projection",
    (coupled) => {
      const options = { cell: "lstm", coupled, activations: STANDARD.lstm } as const;
      check(options, 40);
      check(options, 41, { peephole });
      check(options, 42, { weight_hr });
      check(options, 43, { peephole, weight_hr });
    },
  );

  it("no steps: the state stays, and its gradient", () => {
    const weights = {
      weight_ih: zeros(4 * na, nx),
      weight_hh: zeros(4 * na, na),
      bias_ih: zeros(4 * na),
      bias_hh: zeros(4 * na),
    };
    const [h0, c0] = [Float64Array.of(1, 2, 3, 4), Float64Array.of(5, 6, 7, 8)];
    const options = { cell: "lstm", activations: STANDARD.lstm } as const;
    const made = recurrentForward(options, weights, zeros(0, nx), h0, c0);
    expect([made.h, made.c]).toEqual([h0, c0]);
    expect(made.backward(zeros(0, na), c0).dc0).toEqual(c0);
  });
});
