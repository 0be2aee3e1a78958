import { checkInstance, checkObject, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import {
  type Gates,
  LstmCache,
  LstmCaches,
  type LstmParameters,
  lstmNaming,
  split,
} from "./lstm_caches.js";
import { backward, forward } from "./passes.js";

/** Gradients of the gates' parameters, shaped as the parameters. */
export interface LstmGradients {
  dWf: Tensor;
  dbf: Tensor;
  dWi: Tensor;
  dbi: Tensor;
  dWc: Tensor;
  dbc: Tensor;
  dWo: Tensor;
  dbo: Tensor;
}

const named = ({ Wf, bf, Wi, bi, Wc, bc, Wo, bo }: Gates): LstmGradients => ({
  dWf: Wf,
  dbf: bf,
  dWi: Wi,
  dbi: bi,
  dWc: Wc,
  dbc: bc,
  dWo: Wo,
  dbo: bo,
});

/**
 * One step of an LSTM: ft, it, ot = σ(W·[aPrev; xt] + b), cct = tanh(Wc·[aPrev; xt] + bc), cNext = ft·cPrev + it·cct,
 * aNext = ot·tanh(cNext), ytPred = softmax(Wy·aNext + by).
 *
 * @param xt input, (nx, m)
 * @param aPrev hidden state before the step, (na, m)
 * @param cPrev memory before the step, (na, m)
 * @returns `aNext`, `cNext` (na, m), `ytPred` (ny, m), and the `cache` for {@link lstmCellBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function lstmCellForward(
  engine: Engine,
  xt: Tensor,
  aPrev: Tensor,
  cPrev: Tensor,
  parameters: LstmParameters,
): { aNext: Tensor; cNext: Tensor; ytPred: Tensor; cache: LstmCache } {
  const { recording, a, c, y } = forward(engine, {
    where: "lstmCellForward",
    naming: lstmNaming,
    parameters,
    x: ["xt", xt],
    a: ["aPrev", aPrev],
    c: ["cPrev", cPrev],
    single: true,
  });
  return { aNext: a, cNext: c, ytPred: y, cache: new LstmCache(recording, 0, true) };
}

/**
 * An LSTM over a sequence.
 *
 * @param x inputs, (nx, m, T), time last
 * @param a0 initial hidden state, (na, m)
 * @param options `c0`: initial memory, (na, m); zeros where absent
 * @returns `a`, `c` (na, m, T), `y` (ny, m, T), and the `caches` for {@link lstmBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function lstmForward(
  engine: Engine,
  x: Tensor,
  a0: Tensor,
  parameters: LstmParameters,
  options: { c0?: Tensor } = {},
): { a: Tensor; y: Tensor; c: Tensor; caches: LstmCaches } {
  checkObject("lstmForward", "options", options);
  const { recording, a, c, y } = forward(engine, {
    where: "lstmForward",
    naming: lstmNaming,
    parameters,
    x: ["x", x],
    a: ["a0", a0],
    c: options.c0 === undefined ? undefined : ["c0", options.c0],
    single: false,
  });
  return { a, y, c, caches: new LstmCaches(recording) };
}

/**
 * The gradient of one step. The loss is that of the states: what comes through ytPred is part of `daNext`.
 *
 * @param daNext gradient of aNext, (na, m)
 * @param dcNext gradient of cNext, (na, m), without what reaches it through aNext
 * @param cache from {@link lstmCellForward}, or `caches.at(t)`; may be used again
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for a disposed cache
 */
export function lstmCellBackward(
  engine: Engine,
  daNext: Tensor,
  dcNext: Tensor,
  cache: LstmCache,
): { dxt: Tensor; daPrev: Tensor; dcPrev: Tensor } & LstmGradients {
  checkInstance("lstmCellBackward", "cache", LstmCache, "LstmCache", cache);
  const { dx, da0, dc0, gradients } = backward(
    engine,
    {
      where: "lstmCellBackward",
      recording: cache.recording,
      first: cache.step,
      da: ["daNext", daNext],
      dc: ["dcNext", dcNext],
      throughTime: true,
      single: true,
    },
    split,
  );
  return { dxt: dx, daPrev: da0, dcPrev: dc0, ...named(gradients) };
}

/**
 * Back-propagation through time (the exercise's equations 7–17).
 *
 * The exercise's own printed loop never carries da_prev and dc_prev from a step to the one before it: the values it
 * prints are those of `{ throughTime: false }`, where each step's gradient is its own. They are not the gradient of a
 * sequence's loss; the default is.
 *
 * @param da gradient of every step's hidden state from outside, (na, m, T'), T' ≤ T: the steps beyond count as zero
 * @param caches from {@link lstmForward}; may be used again
 * @param options `throughTime`: default true; `dcLast`: gradient that reaches c of step T', the last one that `da`
 *   covers, from outside, (na, m)
 * @returns `dx` (nx, m, T'), `da0`, `dc0` (na, m), and the gradients summed over the steps
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for disposed caches
 */
export function lstmBackward(
  engine: Engine,
  da: Tensor,
  caches: LstmCaches,
  options: { throughTime?: boolean; dcLast?: Tensor } = {},
): { dx: Tensor; da0: Tensor; dc0: Tensor } & LstmGradients {
  checkInstance("lstmBackward", "caches", LstmCaches, "LstmCaches", caches);
  checkObject("lstmBackward", "options", options);
  const { dx, da0, dc0, gradients } = backward(
    engine,
    {
      where: "lstmBackward",
      recording: caches.recording,
      first: 0,
      da: ["da", da],
      dc: options.dcLast === undefined ? undefined : ["dcLast", options.dcLast],
      throughTime: options.throughTime ?? true,
      single: false,
    },
    split,
  );
  return { dx, da0, dc0, ...named(gradients) };
}
