import type { LstmParameters } from "../oracle/lstm.js";
import type { RnnParameters } from "../oracle/rnn.js";
import type { Tensor } from "../oracle/tensor.js";

export type { LstmParameters, RnnParameters, Tensor };

/** One step of a forward pass. What a test reads of it, by the exercise's names. */
export interface RnnCacheView {
  readonly aNext: Tensor;
  readonly aPrev: Tensor;
  readonly xt: Tensor;
}

export interface LstmCacheView extends RnnCacheView {
  readonly cNext: Tensor;
  readonly cPrev: Tensor;
  readonly ft: Tensor;
  readonly it: Tensor;
  readonly cct: Tensor;
  readonly ot: Tensor;
}

export interface CachesView<C> {
  readonly x: Tensor;
  readonly length: number;
  at(t: number): C;
}

export type RnnGradients = { readonly [name in `d${"Wax" | "Waa" | "ba"}`]: Tensor };
export type LstmGradients = {
  readonly [name in `d${"W" | "b"}${"f" | "i" | "c" | "o"}`]: Tensor;
};

/**
 * The eight functions as the reference cases call them, so that one driver serves the oracle and the engine. Written as
 * methods: each subject may ask for the caches that it made itself.
 */
export interface Subject {
  readonly name: string;
  rnnCellForward(
    xt: Tensor,
    aPrev: Tensor,
    parameters: RnnParameters,
  ): { aNext: Tensor; ytPred: Tensor; cache: RnnCacheView };
  rnnForward(
    x: Tensor,
    a0: Tensor,
    parameters: RnnParameters,
  ): { a: Tensor; yPred: Tensor; caches: CachesView<RnnCacheView> };
  rnnCellBackward(
    daNext: Tensor,
    cache: RnnCacheView,
  ): { dxt: Tensor; daPrev: Tensor } & RnnGradients;
  rnnBackward(
    da: Tensor,
    caches: CachesView<RnnCacheView>,
  ): { dx: Tensor; da0: Tensor } & RnnGradients;
  lstmCellForward(
    xt: Tensor,
    aPrev: Tensor,
    cPrev: Tensor,
    parameters: LstmParameters,
  ): { aNext: Tensor; cNext: Tensor; ytPred: Tensor; cache: LstmCacheView };
  lstmForward(
    x: Tensor,
    a0: Tensor,
    parameters: LstmParameters,
    options?: { c0?: Tensor },
  ): { a: Tensor; y: Tensor; c: Tensor; caches: CachesView<LstmCacheView> };
  lstmCellBackward(
    daNext: Tensor,
    dcNext: Tensor,
    cache: LstmCacheView,
  ): { dxt: Tensor; daPrev: Tensor; dcPrev: Tensor } & LstmGradients;
  lstmBackward(
    da: Tensor,
    caches: CachesView<LstmCacheView>,
    options?: { throughTime?: boolean; dcLast?: Tensor },
  ): { dx: Tensor; da0: Tensor; dc0: Tensor } & LstmGradients;
}
