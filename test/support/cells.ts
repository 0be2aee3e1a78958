import { randomGru, randomLstm, randomRnn, type Sizes } from "./random.js";
import type {
  CachesView,
  GruCacheView,
  GruParameters,
  LossView,
  LstmCacheView,
  LstmParameters,
  RnnCacheView,
  RnnParameters,
  Subject,
  Targets,
  Tensor,
} from "./subject.js";

// What the property tests know of a cell. One suite runs over all of them: another cell joins with another row.

export type Tensors = Readonly<Record<string, Tensor>>;

/** A state, or the gradient of one; the memory c is there if the cell has one. */
export interface State {
  readonly a: Tensor;
  readonly c?: Tensor;
}

export interface BackwardOptions {
  dcLast?: Tensor;
  throughTime?: boolean;
}

/** A forward pass. */
export interface Pass {
  /** Every step's states and outputs: a, c, y. */
  readonly outputs: Tensors & { readonly a: Tensor; readonly y: Tensor };
  /** What the cache of step t holds. */
  at(t: number): object;
  /** Under the functions' names: dx, da0, dc0, and those of the parameters. */
  backward(da: Tensor, options?: BackwardOptions): Tensors & { dx: Tensor; da0: Tensor };
  /** `gradients`: da, and those of the output layer. */
  loss(targets: Targets, reduction?: "mean" | "sum"): { loss: number; gradients: Gradients };
  dispose(): void;
}

type Gradients = Tensors & { readonly da: Tensor };

/** One step: what it gives, and its gradients dxt, daPrev, dcPrev and those of the parameters. */
export interface Step {
  readonly state: State;
  readonly y: Tensor;
  readonly cache: object;
}

export interface CellRow {
  readonly name: string;
  readonly hasMemory: boolean;
  /** What a cache holds beside its parameters. */
  readonly seen: readonly string[];
  parameters(next: () => number, sizes: Sizes): Record<string, Tensor>;
  run(on: Subject, x: Tensor, initial: State, parameters: object): Pass;
  step(on: Subject, xt: Tensor, before: State, parameters: object): Step;
  /** dxt, daPrev, dcPrev, and those of the parameters. */
  stepBackward(
    on: Subject,
    d: State,
    cache: object,
  ): Tensors & { dxt: Tensor; daPrev: Tensor; dcPrev?: Tensor };
}

function lossOf({ loss, ...gradients }: LossView): { loss: number; gradients: Gradients } {
  return { loss, gradients: { ...gradients } };
}

const shared = (caches: CachesView<object>) => ({
  at: (t: number) => caches.at(t),
  dispose: () => caches.dispose?.(),
});

const rnn: CellRow = {
  name: "RNN",
  hasMemory: false,
  seen: ["aNext", "aPrev", "xt"],
  parameters: randomRnn,

  run(on, x, { a: a0 }, parameters) {
    const { a, yPred, caches } = on.rnnForward(x, a0, parameters as RnnParameters);
    return {
      ...shared(caches),
      outputs: { a, y: yPred },
      backward: (da) => ({ ...on.rnnBackward(da, caches) }),
      loss: (targets, reduction = "mean") =>
        lossOf(on.softmaxCrossEntropy(caches, targets, { reduction })),
    };
  },

  step(on, xt, { a }, parameters) {
    const { aNext, ytPred, cache } = on.rnnCellForward(xt, a, parameters as RnnParameters);
    return { state: { a: aNext }, y: ytPred, cache };
  },

  stepBackward: (on, { a }, cache) => ({ ...on.rnnCellBackward(a, cache as RnnCacheView) }),
};

/** The memory of a cell that has one. */
export function memory({ c }: State): Tensor {
  if (c === undefined) throw new Error("a state without c");
  return c;
}

const lstm: CellRow = {
  name: "LSTM",
  hasMemory: true,
  seen: ["aNext", "cNext", "aPrev", "cPrev", "ft", "it", "cct", "ot", "xt"],
  parameters: randomLstm,

  run(on, x, { a: a0, c: c0 }, parameters) {
    const options = c0 === undefined ? {} : { c0 };
    const { a, c, y, caches } = on.lstmForward(x, a0, parameters as LstmParameters, options);
    return {
      ...shared(caches),
      outputs: { a, c, y },
      backward: (da, options) => ({ ...on.lstmBackward(da, caches, options) }),
      loss: (targets, reduction = "mean") =>
        lossOf(on.softmaxCrossEntropy(caches, targets, { reduction })),
    };
  },

  step(on, xt, before, parameters) {
    const c = memory(before);
    const made = on.lstmCellForward(xt, before.a, c, parameters as LstmParameters);
    return { state: { a: made.aNext, c: made.cNext }, y: made.ytPred, cache: made.cache };
  },

  stepBackward: (on, d, cache) => ({
    ...on.lstmCellBackward(d.a, memory(d), cache as LstmCacheView),
  }),
};

const gru: CellRow = {
  name: "GRU",
  hasMemory: false,
  seen: ["aNext", "aPrev", "ut", "rt", "cct", "xt"],
  parameters: randomGru,

  run(on, x, { a: a0 }, parameters) {
    const { a, y, caches } = on.gruForward(x, a0, parameters as GruParameters);
    return {
      ...shared(caches),
      outputs: { a, y },
      backward: (da) => ({ ...on.gruBackward(da, caches) }),
      loss: (targets, reduction = "mean") =>
        lossOf(on.softmaxCrossEntropy(caches, targets, { reduction })),
    };
  },

  step(on, xt, { a }, parameters) {
    const { aNext, ytPred, cache } = on.gruCellForward(xt, a, parameters as GruParameters);
    return { state: { a: aNext }, y: ytPred, cache };
  },

  stepBackward: (on, { a }, cache) => ({ ...on.gruCellBackward(a, cache as GruCacheView) }),
};

export const cells: readonly CellRow[] = [rnn, lstm, gru];
