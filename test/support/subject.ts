import type { GruParameters } from "../oracle/gru.js";
import type { LstmParameters } from "../oracle/lstm.js";
import type { RnnParameters } from "../oracle/rnn.js";
import type { Tensor } from "../oracle/tensor.js";

export type { GruParameters, LstmParameters, RnnParameters, Tensor };

/** One step of a forward pass. What a test reads of it, by the exercise's names. */
export interface RnnCacheView {
  readonly parameters: object;
  readonly aNext: Tensor;
  readonly aPrev: Tensor;
  readonly xt: Tensor;
  /** The engine's hold memory. */
  dispose?(): void;
}

export interface LstmCacheView extends RnnCacheView {
  readonly cNext: Tensor;
  readonly cPrev: Tensor;
  readonly ft: Tensor;
  readonly it: Tensor;
  readonly cct: Tensor;
  readonly ot: Tensor;
}

export interface GruCacheView extends RnnCacheView {
  readonly ut: Tensor;
  readonly rt: Tensor;
  readonly cct: Tensor;
}

export interface CachesView<C> {
  readonly x: Tensor;
  readonly length: number;
  at(t: number): C;
  /** The engine's hold memory. */
  dispose?(): void;
}

/** Class ids (m, T), or m rows of T of them; −1 is ignored. */
export type Targets = Int32Array | readonly (readonly number[])[];

export interface LossView {
  readonly loss: number;
  readonly da: Tensor;
  readonly dby: Tensor;
}

export type RnnGradients = { readonly [name in `d${"Wax" | "Waa" | "ba"}`]: Tensor };
export type LstmGradients = {
  readonly [name in `d${"W" | "b"}${"f" | "i" | "c" | "o"}`]: Tensor;
};
export type GruGradients = {
  readonly [name in `d${"Wu" | "bu" | "Wr" | "br" | "Wc" | "bc" | "bch"}`]: Tensor;
};

/**
 * The functions as the tests call them, so that one driver serves the oracle and the engine. Written as methods: each
 * subject may ask for the caches that it made itself.
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
  gruCellForward(
    xt: Tensor,
    aPrev: Tensor,
    parameters: GruParameters,
  ): { aNext: Tensor; ytPred: Tensor; cache: GruCacheView };
  gruForward(
    x: Tensor,
    a0: Tensor,
    parameters: GruParameters,
  ): { a: Tensor; y: Tensor; caches: CachesView<GruCacheView> };
  gruCellBackward(
    daNext: Tensor,
    cache: GruCacheView,
  ): { dxt: Tensor; daPrev: Tensor } & GruGradients;
  gruBackward(
    da: Tensor,
    caches: CachesView<GruCacheView>,
  ): { dx: Tensor; da0: Tensor } & GruGradients;
  softmaxCrossEntropy(
    caches: CachesView<LstmCacheView> | CachesView<GruCacheView>,
    targets: Targets,
    options?: { reduction?: "mean" | "sum" },
  ): LossView & { dWy: Tensor };
  softmaxCrossEntropy(
    caches: CachesView<RnnCacheView>,
    targets: Targets,
    options?: { reduction?: "mean" | "sum" },
  ): LossView & { dWya: Tensor };
}

const ACTIVATIONS = [
  ...(["rnnCellForward", "rnnForward", "rnnCellBackward", "rnnBackward"] as const),
  ...(["lstmCellForward", "lstmForward", "lstmCellBackward", "lstmBackward"] as const),
  ...(["gruCellForward", "gruForward", "gruCellBackward", "gruBackward"] as const),
  "softmaxCrossEntropy",
] as const;

type Api = Readonly<Record<(typeof ACTIVATIONS)[number], (...operands: never[]) => unknown>>;

/**
 * The package's functions, from its sources or as it was built, with the engine as their first argument. Knows of no
 * host: it runs in a page too.
 */
export function bound(name: string, api: Api, engine: object): Subject {
  const calls = ACTIVATIONS.map((key) => {
    const call = api[key] as (...operands: unknown[]) => unknown;
    return [key, (...operands: unknown[]) => call(engine, ...operands)] as const;
  });
  return { name, ...Object.fromEntries(calls) } as Subject & Record<string, unknown>;
}
