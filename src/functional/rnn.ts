import { checkInstance, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { backward, forward } from "./passes.js";
import { RnnCache, RnnCaches, type RnnParameters, rnnNaming, split } from "./rnn_caches.js";

/** Gradients of the recurrent parameters, shaped as the parameters. */
export interface RnnGradients {
  dWax: Tensor;
  dWaa: Tensor;
  dba: Tensor;
}

const named = ({ Wax, Waa, ba }: ReturnType<typeof split>): RnnGradients => ({
  dWax: Wax,
  dWaa: Waa,
  dba: ba,
});

/**
 * One step of a tanh RNN: aNext = tanh(Waa·aPrev + Wax·xt + ba), ytPred = softmax(Wya·aNext + by).
 *
 * @param xt input, (nx, m)
 * @param aPrev hidden state before the step, (na, m)
 * @returns `aNext` (na, m), `ytPred` (ny, m), and the `cache` for {@link rnnCellBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function rnnCellForward(
  engine: Engine,
  xt: Tensor,
  aPrev: Tensor,
  parameters: RnnParameters,
): { aNext: Tensor; ytPred: Tensor; cache: RnnCache } {
  const { recording, a, y } = forward(engine, {
    where: "rnnCellForward",
    naming: rnnNaming,
    parameters,
    x: ["xt", xt],
    a: ["aPrev", aPrev],
    single: true,
  });
  return { aNext: a, ytPred: y, cache: new RnnCache(recording, 0, true) };
}

/**
 * A tanh RNN over a sequence.
 *
 * @param x inputs, (nx, m, T), time last
 * @param a0 initial hidden state, (na, m)
 * @returns `a` (na, m, T), `yPred` (ny, m, T), and the `caches` for {@link rnnBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function rnnForward(
  engine: Engine,
  x: Tensor,
  a0: Tensor,
  parameters: RnnParameters,
): { a: Tensor; yPred: Tensor; caches: RnnCaches } {
  const { recording, a, y } = forward(engine, {
    where: "rnnForward",
    naming: rnnNaming,
    parameters,
    x: ["x", x],
    a: ["a0", a0],
    single: false,
  });
  return { a, yPred: y, caches: new RnnCaches(recording) };
}

/**
 * The gradient of one step. The loss is that of the hidden state: what comes through ytPred is part of `daNext`.
 *
 * @param daNext gradient of aNext, (na, m)
 * @param cache from {@link rnnCellForward}, or `caches.at(t)`; may be used again
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for a disposed cache
 */
export function rnnCellBackward(
  engine: Engine,
  daNext: Tensor,
  cache: RnnCache,
): { dxt: Tensor; daPrev: Tensor } & RnnGradients {
  checkInstance("rnnCellBackward", "cache", RnnCache, "RnnCache", cache);
  const { dx, da0, gradients } = backward(
    engine,
    {
      where: "rnnCellBackward",
      recording: cache.recording,
      first: cache.step,
      da: ["daNext", daNext],
      throughTime: true,
      single: true,
    },
    split,
  );
  return { dxt: dx, daPrev: da0, ...named(gradients) };
}

/**
 * Back-propagation through time.
 *
 * @param da gradient of every step's hidden state from outside, (na, m, T'), T' ≤ T: the steps beyond count as zero
 * @param caches from {@link rnnForward}; may be used again
 * @returns `dx` (nx, m, T'), `da0` (na, m), and the gradients summed over the steps
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for disposed caches
 */
export function rnnBackward(
  engine: Engine,
  da: Tensor,
  caches: RnnCaches,
): { dx: Tensor; da0: Tensor } & RnnGradients {
  checkInstance("rnnBackward", "caches", RnnCaches, "RnnCaches", caches);
  const { dx, da0, gradients } = backward(
    engine,
    {
      where: "rnnBackward",
      recording: caches.recording,
      first: 0,
      da: ["da", da],
      throughTime: true,
      single: false,
    },
    split,
  );
  return { dx, da0, ...named(gradients) };
}
