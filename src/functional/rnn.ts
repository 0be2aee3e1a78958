import { rnnBackward as cellBackward, rnnCell } from "../cells/rnn.js";
import { checkInstance, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { type CachedPass, Caches, StepCache } from "./caches.js";
import type { CellTable, ParameterGradients } from "./cell_table.js";
import { backward, forward } from "./passes.js";

/** The parameters of a tanh RNN with a softmax output. */
export interface RnnParameters {
  /** Input to hidden, (na, nx). */
  readonly Wax: Tensor;
  /** Hidden to hidden, (na, na). */
  readonly Waa: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wya: Tensor;
  /** (na, 1). */
  readonly ba: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

/** Gradients of the recurrent parameters, shaped as the parameters. */
export interface RnnGradients extends ParameterGradients<RnnParameters> {}

const table: CellTable<RnnParameters> = {
  cell: rnnCell,
  places: { Wax: { input: 0 }, Waa: { hidden: 0 }, ba: { bias: 0 } },
  output: ["Wya", "by"],
};

/** What {@link rnnCellForward} saw: `aNext`, `aPrev`, `xt`, `parameters`, in linear memory until `dispose`. */
export class RnnCache extends StepCache<RnnParameters> {}

/** What {@link rnnForward} saw, step by step, in linear memory until `dispose`. */
export class RnnCaches extends Caches<RnnCache> {
  /** @internal */
  constructor(pass: CachedPass) {
    super(pass, RnnCache);
  }
}

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
  const operands = { form: "CellForward", x: xt, a: aPrev } as const;
  const { pass, a, y } = forward(engine, table, parameters, operands);
  return { aNext: a, ytPred: y, cache: new RnnCache(pass) };
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
  const { pass, a, y } = forward(engine, table, parameters, { form: "Forward", x, a: a0 });
  return { a, yPred: y, caches: new RnnCaches(pass) };
}

/**
 * The gradient of one step. The loss is a function of the hidden state: a gradient through ytPred is part of `daNext`.
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
  const { dx, da0, gradients } = backward(engine, table, cache, { da: daNext, cellBackward });
  return { dxt: dx, daPrev: da0, ...gradients };
}

/**
 * Back-propagation through time.
 *
 * @param da gradient of every step's hidden state from outside, (na, m, T'), T' ≤ T; later steps count as zero
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
  const { dx, da0, gradients } = backward(engine, table, caches, { da, cellBackward });
  return { dx, da0, ...gradients };
}
