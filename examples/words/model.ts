import {
  type Engine,
  type LstmParameters,
  lstmBackward,
  lstmForward,
  softmaxCrossEntropy,
  type Tensor,
  tensor,
} from "recurra";
import type { Gradients } from "./adam.js";
import { type Batch, SYMBOLS } from "./data.js";
import type { Random } from "./random.js";

/**
 * An LSTM that has not learned yet: weights uniform in ±√(3 / columns), so that a sum keeps the variance of what goes in;
 * biases 0, but the forget gate's 1: it starts by remembering (Jozefowicz, Zaremba and Sutskever, ICML 2015).
 */
export function newLstm(na: number, random: Random): LstmParameters {
  const gate = (): Tensor => matrix(na, na + SYMBOLS, random);
  const bias = (rows: number, value = 0): Tensor =>
    tensor([rows, 1], new Float64Array(rows).fill(value));
  return {
    Wf: gate(),
    bf: bias(na, 1),
    Wi: gate(),
    bi: bias(na),
    Wc: gate(),
    bc: bias(na),
    Wo: gate(),
    bo: bias(na),
    Wy: matrix(SYMBOLS, na, random),
    by: bias(SYMBOLS),
  };
}

function matrix(rows: number, columns: number, random: Random): Tensor {
  const bound = Math.sqrt(3 / columns);
  const data = Float64Array.from({ length: rows * columns }, () => (2 * random() - 1) * bound);
  return tensor([rows, columns], data);
}

/** The state before a word: zeros, (na, m). */
export function startState({ Wf }: LstmParameters, { words }: Batch): Tensor {
  return tensor([Wf.shape[0] as number, words.length]);
}

/** The mean loss over a batch, in nats per character, and its gradient with respect to every parameter. */
export function lossAndGradients(
  engine: Engine,
  parameters: LstmParameters,
  batch: Batch,
): { loss: number; gradients: Gradients<LstmParameters> } {
  const { caches } = lstmForward(engine, batch.x, startState(parameters, batch), parameters);
  try {
    const { loss, da, dWy, dby } = softmaxCrossEntropy(engine, caches, batch.targets);
    return { loss, gradients: { ...lstmBackward(engine, da, caches), dWy, dby } };
  } finally {
    caches.dispose();
  }
}
