import { gruBackward as cellBackward, gruCell } from "../cells/gru.js";
import { checkInstance, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { type CachedPass, Caches, gateOf, StepCache } from "./caches.js";
import type { CellTable, ParameterGradients } from "./cell_table.js";
import { backward, forward } from "./passes.js";

/** The parameters of a GRU with a softmax output. A gate's matrix has the hidden columns first: [hidden | input]. */
export interface GruParameters {
  /** Update gate, (na, na + nx). */
  readonly Wu: Tensor;
  /** (na, 1). */
  readonly bu: Tensor;
  /** Reset gate, (na, na + nx). */
  readonly Wr: Tensor;
  /** (na, 1). */
  readonly br: Tensor;
  /** Candidate, (na, na + nx). */
  readonly Wc: Tensor;
  /** The candidate's bias outside the reset gate, (na, 1). */
  readonly bc: Tensor;
  /** The candidate's bias on the hidden side, which the reset gate acts on, (na, 1). */
  readonly bch: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wy: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

/** Gradients of the gates' parameters, shaped as the parameters. */
export interface GruGradients extends ParameterGradients<GruParameters> {}

/**
 * The engine's blocks are r, z, n (the candidate) in Wh, and n, r, z, then the candidate's hidden side, in Wx and the
 * bias. Its gate z is the part of the state that stays, 1 − Γu; σ(−x) = 1 − σ(x), so its weights have the opposite sign.
 */
const table: CellTable<GruParameters> = {
  cell: gruCell,
  places: {
    Wu: { hidden: 1, input: 2, negative: true },
    bu: { bias: 2, negative: true },
    Wr: { hidden: 0, input: 1 },
    br: { bias: 1 },
    Wc: { hidden: 2, input: 0 },
    bc: { bias: 0 },
    bch: { bias: 3 },
  },
  output: ["Wy", "by"],
};

/**
 * What {@link gruCellForward} saw: `aNext`, `aPrev`, `ut`, `rt`, `cct`, `xt`, `parameters`, in linear memory until
 * `dispose`.
 */
export class GruCache extends StepCache<GruParameters> {
  /** The update gate, (na, m): the candidate's share of the new state. It is 1 − z, and so exact to 2^−53. */
  get ut(): Tensor {
    const { shape, data } = gateOf("ut", this, 2);
    return { shape, data: data.map((kept) => 1 - kept) };
  }

  /** The reset gate, (na, m). */
  get rt(): Tensor {
    return gateOf("rt", this, 1);
  }

  /** The candidate, (na, m). */
  get cct(): Tensor {
    return gateOf("cct", this, 0);
  }
}

/** What {@link gruForward} saw, step by step, in linear memory until `dispose`. */
export class GruCaches extends Caches<GruCache> {
  /** @internal */
  constructor(pass: CachedPass) {
    super(pass, GruCache);
  }
}

/**
 * One step of a GRU. With Wc = [Wca | Wcx], hidden columns first,
 *
 *     ut    = σ(Wu·[aPrev; xt] + bu)                                update gate
 *     rt    = σ(Wr·[aPrev; xt] + br)                                reset gate
 *     cct   = tanh(Wcx·xt + bc + rt·(Wca·aPrev + bch))              candidate
 *     aNext = ut·cct + (1 − ut)·aPrev
 *     ytPred = softmax(Wy·aNext + by)
 *
 * The update gate is that of the course, Γu: the candidate's share of the new state. In PyTorch and Keras z is the share
 * of the old state, z = 1 − ut: their weights of z come here with the opposite sign. The reset gate acts after the
 * product, on the hidden state's contribution to the candidate, as in PyTorch, in Keras (`reset_after`) and in cuDNN;
 * hence the candidate's second bias. The GRU that resets before the product is a layer: `createRecurrent` with
 * `resetAfter: false`.
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
  const operands = { form: "CellForward", x: xt, a: aPrev } as const;
  const { pass, a, y } = forward(engine, table, parameters, operands);
  return { aNext: a, ytPred: y, cache: new GruCache(pass) };
}

/**
 * A GRU over a sequence; {@link gruCellForward} has the equations.
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
  const { pass, a, y } = forward(engine, table, parameters, { form: "Forward", x, a: a0 });
  return { a, y, caches: new GruCaches(pass) };
}

/**
 * The gradient of one step. The loss is a function of the hidden state: a gradient through ytPred is part of `daNext`.
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
  const { dx, da0, gradients } = backward(engine, table, cache, { da: daNext, cellBackward });
  return { dxt: dx, daPrev: da0, ...gradients };
}

/**
 * Back-propagation through time.
 *
 * @param da gradient of every step's hidden state from outside, (na, m, T'), T' ≤ T; later steps count as zero
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
  const { dx, da0, gradients } = backward(engine, table, caches, { da, cellBackward });
  return { dx, da0, ...gradients };
}
