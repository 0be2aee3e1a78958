import { checkInstance, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { GruCache, GruCaches, type GruParameters, gruNaming, split } from "./gru_caches.js";
import { backward, forward } from "./passes.js";

/** Gradients of the gates' parameters, shaped as the parameters. */
export interface GruGradients {
  dWu: Tensor;
  dbu: Tensor;
  dWr: Tensor;
  dbr: Tensor;
  dWc: Tensor;
  dbc: Tensor;
  dbch: Tensor;
}

const named = ({ Wu, bu, Wr, br, Wc, bc, bch }: ReturnType<typeof split>): GruGradients => ({
  dWu: Wu,
  dbu: bu,
  dWr: Wr,
  dbr: br,
  dWc: Wc,
  dbc: bc,
  dbch: bch,
});

/**
 * One step of a GRU. With Wc = [Wca | Wcx], hidden columns first,
 *
 *     ut    = σ(Wu·[aPrev; xt] + bu)                                update gate
 *     rt    = σ(Wr·[aPrev; xt] + br)                                reset gate
 *     cct   = tanh(Wcx·xt + bc + rt·(Wca·aPrev + bch))              candidate
 *     aNext = ut·cct + (1 − ut)·aPrev
 *     ytPred = softmax(Wy·aNext + by)
 *
 * The update gate is that of the course, Γu: it says how much of the candidate goes in. PyTorch's and Keras's z says how
 * much of the state stays, z = 1 − ut: their weights of z come here with the other sign. The reset gate acts after the
 * product, on what the hidden state adds to the candidate, as in PyTorch, in Keras (`reset_after`) and in cuDNN; hence the
 * candidate's second bias. The GRU that resets before the product is a layer: `createRecurrent` with `resetAfter: false`.
 *
 * @param xt input, (nx, m)
 * @param aPrev hidden state before the step, (na, m)
 * @returns `aNext` (na, m), `ytPred` (ny, m), and the `cache` for {@link gruCellBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function gruCellForward(
  engine: Engine,
  xt: Tensor,
  aPrev: Tensor,
  parameters: GruParameters,
): { aNext: Tensor; ytPred: Tensor; cache: GruCache } {
  const { recording, a, y } = forward(engine, {
    where: "gruCellForward",
    naming: gruNaming,
    parameters,
    x: ["xt", xt],
    a: ["aPrev", aPrev],
    single: true,
  });
  return { aNext: a, ytPred: y, cache: new GruCache(recording, 0, true) };
}

/**
 * A GRU over a sequence; the equations stand at {@link gruCellForward}.
 *
 * @param x inputs, (nx, m, T), time last
 * @param a0 initial hidden state, (na, m)
 * @returns `a` (na, m, T), `y` (ny, m, T), and the `caches` for {@link gruBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function gruForward(
  engine: Engine,
  x: Tensor,
  a0: Tensor,
  parameters: GruParameters,
): { a: Tensor; y: Tensor; caches: GruCaches } {
  const { recording, a, y } = forward(engine, {
    where: "gruForward",
    naming: gruNaming,
    parameters,
    x: ["x", x],
    a: ["a0", a0],
    single: false,
  });
  return { a, y, caches: new GruCaches(recording) };
}

/**
 * The gradient of one step. The loss is that of the hidden state: what comes through ytPred is part of `daNext`.
 *
 * @param daNext gradient of aNext, (na, m)
 * @param cache from {@link gruCellForward}, or `caches.at(t)`; may be used again
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for a disposed cache
 */
export function gruCellBackward(
  engine: Engine,
  daNext: Tensor,
  cache: GruCache,
): { dxt: Tensor; daPrev: Tensor } & GruGradients {
  checkInstance("gruCellBackward", "cache", GruCache, "GruCache", cache);
  const { dx, da0, gradients } = backward(
    engine,
    {
      where: "gruCellBackward",
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
 * @param caches from {@link gruForward}; may be used again
 * @returns `dx` (nx, m, T'), `da0` (na, m), and the gradients summed over the steps
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for disposed caches
 */
export function gruBackward(
  engine: Engine,
  da: Tensor,
  caches: GruCaches,
): { dx: Tensor; da0: Tensor } & GruGradients {
  checkInstance("gruBackward", "caches", GruCaches, "GruCaches", caches);
  const { dx, da0, gradients } = backward(
    engine,
    {
      where: "gruBackward",
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
