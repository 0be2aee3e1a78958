import { describe, expect, it } from "vitest";
import { relativeError } from "../support/compare.js";
import { randomGru, randomLstm, randomRnn, randomTensor, uniform } from "../support/random.js";
import { gruBackward, gruForward } from "./gru.js";
import { softmaxCrossEntropy } from "./loss.js";
import { lstmBackward, lstmForward } from "./lstm.js";
import { rnnBackward, rnnForward } from "./rnn.js";
import { each, type Tensor } from "./tensor.js";

const sizes = { nx: 3, na: 4, ny: 3 };
const [m, T] = [2, 4];
const targets = [
  [0, 2, -1, 1],
  [-1, 1, 0, 2],
];

describe("the oracle's loss", () => {
  const zero = (x: Tensor): Tensor => each(() => 0, x);
  const next = uniform(5);
  const parameters = randomRnn(next, sizes);
  const x = randomTensor(next, sizes.nx, m, T);
  const { caches } = rnnForward(x, randomTensor(next, sizes.na, m), parameters);

  it("is ln ny where the logits are equal, to 1e-15", () => {
    const flat = {
      ...caches,
      parameters: { ...parameters, Wya: zero(parameters.Wya), by: zero(parameters.by) },
    };
    expect(Math.abs(softmaxCrossEntropy(flat, targets).loss - Math.log(3))).toBeLessThan(1e-15);
  });

  it("as a sum is the mean of the 6 targets that count, times 6, to 1e-14; so are its gradients", () => {
    const mean = softmaxCrossEntropy(caches, targets);
    const sum = softmaxCrossEntropy(caches, targets, { reduction: "sum" });
    expect(Math.abs(sum.loss - 6 * mean.loss)).toBeLessThan(1e-14);
    for (const name of ["da", "dWya", "dby"] as const) {
      const six = each((value) => 6 * value, mean[name]);
      expect(relativeError(sum[name], six), name).toBeLessThan(1e-13);
    }
  });

  it("is −ln of the forward pass's probability, to 1e-14", () => {
    const { yPred } = rnnForward(x, caches.at(0).aPrev, parameters);
    const one = [
      [-1, -1, 2, -1],
      [-1, -1, -1, -1],
    ];
    const p = yPred.data[2 * m * T + 2] as number;
    expect(Math.abs(softmaxCrossEntropy(caches, one).loss + Math.log(p))).toBeLessThan(1e-14);
  });

  it("takes flat targets as (m, T), and is 0 with all gradients 0 where all are ignored", () => {
    const flat = softmaxCrossEntropy(caches, Int32Array.from(targets.flat()));
    expect(flat).toEqual(softmaxCrossEntropy(caches, targets));
    const { loss, ...gradients } = softmaxCrossEntropy(caches, new Int32Array(m * T).fill(-1));
    expect(loss).toBe(0);
    for (const { data } of Object.values<Tensor>(gradients))
      expect(data.every((d) => d === 0)).toBe(true);
  });
});

describe("the oracle without steps or without a batch", () => {
  it.each([
    [0, 2],
    [3, 0],
    [0, 0],
  ])("T = %i, m = %i: shapes, and gradients that are 0 but for dc0 = dcLast", (steps, batch) => {
    const next = uniform(6);
    const parameters = randomLstm(next, sizes);
    const a0 = randomTensor(next, sizes.na, batch);
    const dcLast = randomTensor(next, sizes.na, batch);
    const { a, y, caches } = lstmForward(
      randomTensor(next, sizes.nx, batch, steps),
      a0,
      parameters,
    );
    expect([a.shape, y.shape]).toEqual([
      [sizes.na, batch, steps],
      [sizes.ny, batch, steps],
    ]);
    const { dc0, ...gradients } = lstmBackward(a, caches, { dcLast });
    expect(gradients.dx.shape).toEqual([sizes.nx, batch, steps]);
    expect(dc0).toEqual(dcLast);
    for (const { data } of Object.values<Tensor>(gradients))
      expect(data.every((d) => d === 0)).toBe(true);

    const rnn = rnnForward(caches.x, a0, randomRnn(next, sizes));
    const gru = gruForward(caches.x, a0, randomGru(next, sizes));
    for (const gradients of [rnnBackward(rnn.a, rnn.caches), gruBackward(gru.a, gru.caches)]) {
      for (const { data } of Object.values<Tensor>(gradients))
        expect(data.every((d) => d === 0)).toBe(true);
    }
  });
});
