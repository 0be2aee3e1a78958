import { lstmBackward as cellBackward, lstmCell } from "../cells/lstm.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, describe, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { type CachedPass, Caches, gateOf, StepCache, stateOf } from "./caches.js";
import type { CellTable, ParameterGradients } from "./cell_table.js";
import { backward, forward } from "./passes.js";

/** The parameters of an LSTM with a softmax output. A gate's matrix has the hidden columns first: [hidden | input]. */
export interface LstmParameters {
  /** Forget gate, (na, na + nx). */
  readonly Wf: Tensor;
  /** (na, 1). */
  readonly bf: Tensor;
  /** Update (input) gate, (na, na + nx). */
  readonly Wi: Tensor;
  /** (na, 1). */
  readonly bi: Tensor;
  /** Candidate, (na, na + nx). */
  readonly Wc: Tensor;
  /** (na, 1). */
  readonly bc: Tensor;
  /** Output gate, (na, na + nx). */
  readonly Wo: Tensor;
  /** (na, 1). */
  readonly bo: Tensor;
  /** Hidden to output, (ny, na). */
  readonly Wy: Tensor;
  /** (ny, 1). */
  readonly by: Tensor;
}

/** Gradients of the gates' parameters, shaped as the parameters. */
export interface LstmGradients extends ParameterGradients<LstmParameters> {}

/** Options of {@link lstmForward}. */
export interface LstmForwardOptions {
  /** Initial cell state, (na, m). Default: zeros. */
  readonly c0?: Tensor | undefined;
}

/** Options of {@link lstmBackward}. */
export interface LstmBackwardOptions {
  /** Whether a step's gradient reaches the steps before it. Default: true. */
  readonly throughTime?: boolean | undefined;
  /** Gradient from outside that reaches c of step T', the last one that `da` covers, (na, m). Default: zeros. */
  readonly dcLast?: Tensor | undefined;
}

const FORWARD_OPTIONS: OptionNames<LstmForwardOptions> = { c0: true };
const BACKWARD_OPTIONS: OptionNames<LstmBackwardOptions> = { throughTime: true, dcLast: true };

/** The engine's blocks are i, f, g (the candidate), o. */
const table: CellTable<LstmParameters> = {
  cell: lstmCell,
  places: {
    Wf: { hidden: 1, input: 1 },
    bf: { bias: 1 },
    Wi: { hidden: 0, input: 0 },
    bi: { bias: 0 },
    Wc: { hidden: 2, input: 2 },
    bc: { bias: 2 },
    Wo: { hidden: 3, input: 3 },
    bo: { bias: 3 },
  },
  output: ["Wy", "by"],
};

/**
 * What {@link lstmCellForward} saw: `aNext`, `cNext`, `aPrev`, `cPrev`, `ft`, `it`, `cct`, `ot`, `xt`, `parameters`, in
 * linear memory until `dispose`.
 */
export class LstmCache extends StepCache<LstmParameters> {
  /** c after the step, (na, m). */
  get cNext(): Tensor {
    return stateOf("cNext", this, "c", 1);
  }

  /** c before the step, (na, m). */
  get cPrev(): Tensor {
    return stateOf("cPrev", this, "c", 0);
  }

  /** The input (update) gate, (na, m). */
  get it(): Tensor {
    return gateOf("it", this, 0);
  }

  /** The forget gate, (na, m). */
  get ft(): Tensor {
    return gateOf("ft", this, 1);
  }

  /** The candidate, (na, m). */
  get cct(): Tensor {
    return gateOf("cct", this, 2);
  }

  /** The output gate, (na, m). */
  get ot(): Tensor {
    return gateOf("ot", this, 3);
  }
}

/** What {@link lstmForward} saw, step by step, in linear memory until `dispose`. */
export class LstmCaches extends Caches<LstmCache> {
  /** @internal */
  constructor(pass: CachedPass) {
    super(pass, LstmCache);
  }
}

/**
 * One step of an LSTM: ft, it, ot = σ(W·[aPrev; xt] + b), cct = tanh(Wc·[aPrev; xt] + bc), cNext = ft·cPrev + it·cct,
 * aNext = ot·tanh(cNext), ytPred = softmax(Wy·aNext + by).
 *
 * @param xt input, (nx, m)
 * @param aPrev hidden state before the step, (na, m)
 * @param cPrev cell state before the step, (na, m)
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
  const operands = { form: "CellForward", x: xt, a: aPrev, c: cPrev } as const;
  const { pass, a, c, y } = forward(engine, table, parameters, operands);
  return { aNext: a, cNext: c, ytPred: y, cache: new LstmCache(pass) };
}

/**
 * An LSTM over a sequence.
 *
 * @param x inputs, (nx, m, T), time last
 * @param a0 initial hidden state, (na, m)
 * @returns `a`, `c` (na, m, T), `y` (ny, m, T), and the `caches` for {@link lstmBackward}, to be disposed of
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link EngineMemoryError}
 */
export function lstmForward(
  engine: Engine,
  x: Tensor,
  a0: Tensor,
  parameters: LstmParameters,
  options: LstmForwardOptions = {},
): { a: Tensor; y: Tensor; c: Tensor; caches: LstmCaches } {
  checkOptions("lstmForward", options, FORWARD_OPTIONS);
  const operands = { form: "Forward", x, a: a0, c: options.c0 } as const;
  const { pass, a, c, y } = forward(engine, table, parameters, operands);
  return { a, y, c, caches: new LstmCaches(pass) };
}

/**
 * The gradient of one step. The loss is a function of the states: a gradient through ytPred is part of `daNext`.
 *
 * @param daNext gradient of aNext, (na, m)
 * @param dcNext gradient of cNext, (na, m), without the part that reaches it through aNext
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
  const { dx, da0, dc0, gradients } = backward(engine, table, cache, {
    da: daNext,
    dc: dcNext,
    cellBackward,
  });
  return { dxt: dx, daPrev: da0, dcPrev: dc0, ...gradients };
}

/**
 * Back-propagation through time (the exercise's equations 7–17).
 *
 * Two versions of the exercise's notebook are in circulation. The default gives the gradient of the sequence's loss. With
 * `{ throughTime: false }` each step's gradient is its own: this is what the version computes whose loop never carries
 * da_prev and dc_prev from a step to the one before it.
 *
 * @param da gradient of every step's hidden state from outside, (na, m, T'), T' ≤ T; later steps count as zero
 * @param caches from {@link lstmForward}; may be used again
 * @returns `dx` (nx, m, T'), `da0`, `dc0` (na, m), and the gradients summed over the steps
 * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape; {@link StateError} for disposed caches
 */
export function lstmBackward(
  engine: Engine,
  da: Tensor,
  caches: LstmCaches,
  options: LstmBackwardOptions = {},
): { dx: Tensor; da0: Tensor; dc0: Tensor } & LstmGradients {
  checkInstance("lstmBackward", "caches", LstmCaches, "LstmCaches", caches);
  checkOptions("lstmBackward", options, BACKWARD_OPTIONS);
  const { throughTime = true, dcLast: dc } = options;
  if (typeof throughTime !== "boolean") {
    throw new TypeError(
      `lstmBackward: throughTime: expected a boolean, got ${describe(throughTime)}`,
    );
  }
  const { dx, da0, dc0, gradients } = backward(engine, table, caches, {
    da,
    dc,
    throughTime,
    cellBackward,
  });
  return { dx, da0, dc0, ...gradients };
}
