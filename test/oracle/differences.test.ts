import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { randomGru, randomLstm, randomRnn, randomTensor, uniform } from "../support/random.js";
import { gruBackward, gruForward } from "./gru.js";
import { softmaxCrossEntropy } from "./loss.js";
import { lstmBackward, lstmForward } from "./lstm.js";
import { rnnBackward, rnnForward } from "./rnn.js";
import { stencil } from "./stencil.js";
import { each, type Tensor } from "./tensor.js";

// The stencil's own error is below 1e-12 of the loss (test/oracle/stencil.ts), and the gradients' largest elements are
// no smaller than 1e-3 of it; a wrong term in a derivative moves it by percents.
const BOUND = 1e-8;

const sizes = { nx: 3, na: 4, ny: 3 };
const [m, T] = [2, 4];
const targets = [
  [0, 2, -1, 1],
  [-1, 1, 0, 2],
];

/** Σ a·b over the elements that both have: b may cover fewer steps. */
const dot = (a: Tensor, b: Tensor): number =>
  each((x, y) => x * y, a, b).data.reduce((sum, value) => sum + value, 0);

/** The first steps of an (n, m, T) tensor. */
function first(x: Tensor, steps: number): Tensor {
  const [n = 0, batch = 0, length = 0] = x.shape;
  const data = x.data.filter((_, i) => i % length < steps);
  return { shape: [n, batch, steps], data };
}

/** Holds each gradient against the differences of `loss` in the operand of its name. */
function check(
  loss: () => number,
  operands: Record<string, Tensor>,
  gradients: Record<string, Tensor>,
): void {
  expect(Object.keys(gradients).sort()).toEqual(
    Object.keys(operands)
      .map((n) => `d${n}`)
      .sort(),
  );
  for (const [name, operand] of Object.entries(operands)) {
    const gradient = gradients[`d${name}`] as Tensor;
    expect(relativeError(gradient, stencil(loss, operand)), name).toBeLessThan(BOUND);
  }
}

describe(`the oracle's gradients are its derivatives, to ${BOUND}`, () => {
  it.each(["mean", "sum"] as const)("RNN, %s of cross-entropies", (reduction) => {
    const next = uniform(1);
    const parameters = randomRnn(next, sizes);
    const x = randomTensor(next, sizes.nx, m, T);
    const a0 = randomTensor(next, sizes.na, m);
    const run = () => {
      const { caches } = rnnForward(x, a0, parameters);
      return { caches, ...softmaxCrossEntropy(caches, targets, { reduction }) };
    };
    const { caches, da, dWya, dby } = run();
    const gradients = { dWya, dby, ...rnnBackward(da, caches) };
    check(() => run().loss, { ...parameters, x, a0 }, gradients);
  });

  it.each(["mean", "sum"] as const)("LSTM, %s of cross-entropies", (reduction) => {
    const next = uniform(2);
    const parameters = randomLstm(next, sizes);
    const x = randomTensor(next, sizes.nx, m, T);
    const [a0, c0] = [randomTensor(next, sizes.na, m), randomTensor(next, sizes.na, m)];
    const run = () => {
      const { caches } = lstmForward(x, a0, parameters, { c0 });
      return { caches, ...softmaxCrossEntropy(caches, targets, { reduction }) };
    };
    const { caches, da, dWy, dby } = run();
    const gradients = { dWy, dby, ...lstmBackward(da, caches) };
    check(() => run().loss, { ...parameters, x, a0, c0 }, gradients);
  });

  it.each(["mean", "sum"] as const)("GRU, %s of cross-entropies", (reduction) => {
    const next = uniform(9);
    const parameters = randomGru(next, sizes);
    const x = randomTensor(next, sizes.nx, m, T);
    const a0 = randomTensor(next, sizes.na, m);
    const run = () => {
      const { caches } = gruForward(x, a0, parameters);
      return { caches, ...softmaxCrossEntropy(caches, targets, { reduction }) };
    };
    const { caches, da, dWy, dby } = run();
    const gradients = { dWy, dby, ...gruBackward(da, caches) };
    check(() => run().loss, { ...parameters, x, a0 }, gradients);
  });

  it.each([T, 2, 1])("RNN, Σ a·da over the first %i of 4 steps", (steps) => {
    const next = uniform(3);
    const { Wya, by, ...recurrent } = randomRnn(next, sizes);
    const parameters = { ...recurrent, Wya, by };
    const x = randomTensor(next, sizes.nx, m, T);
    const a0 = randomTensor(next, sizes.na, m);
    const da = randomTensor(next, sizes.na, m, steps);
    const loss = () => dot(first(rnnForward(x, a0, parameters).a, steps), da);
    const { dx, ...gradients } = rnnBackward(da, rnnForward(x, a0, parameters).caches);
    check(loss, { ...recurrent, a0 }, gradients);
    expect(relativeError(dx, first(stencil(loss, x), steps)), "x").toBeLessThan(BOUND);
  });

  it.each([T, 2, 1])("GRU, Σ a·da over the first %i of 4 steps", (steps) => {
    const next = uniform(10);
    const { Wy, by, ...recurrent } = randomGru(next, sizes);
    const parameters = { ...recurrent, Wy, by };
    const x = randomTensor(next, sizes.nx, m, T);
    const a0 = randomTensor(next, sizes.na, m);
    const da = randomTensor(next, sizes.na, m, steps);
    const loss = () => dot(first(gruForward(x, a0, parameters).a, steps), da);
    const { dx, ...gradients } = gruBackward(da, gruForward(x, a0, parameters).caches);
    check(loss, { ...recurrent, a0 }, gradients);
    expect(relativeError(dx, first(stencil(loss, x), steps)), "x").toBeLessThan(BOUND);
  });

  it.each([T, 2, 1])("LSTM, Σ a·da over the first %i of 4 steps + Σ c·dcLast", (steps) => {
    const next = uniform(4);
    const { Wy, by, ...recurrent } = randomLstm(next, sizes);
    const parameters = { ...recurrent, Wy, by };
    const x = randomTensor(next, sizes.nx, m, T);
    const [a0, c0] = [randomTensor(next, sizes.na, m), randomTensor(next, sizes.na, m)];
    const da = randomTensor(next, sizes.na, m, steps);
    const dcLast = randomTensor(next, sizes.na, m);
    const loss = () => {
      const { a, caches } = lstmForward(x, a0, parameters, { c0 });
      return dot(first(a, steps), da) + dot(caches.at(steps - 1).cNext, dcLast);
    };
    const { caches } = lstmForward(x, a0, parameters, { c0 });
    const { dx, ...gradients } = lstmBackward(da, caches, { dcLast });
    check(loss, { ...recurrent, a0, c0 }, gradients);
    expect(relativeError(dx, first(stencil(loss, x), steps)), "x").toBeLessThan(BOUND);
  });
});
