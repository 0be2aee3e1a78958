import type { GruCaches } from "./gru.js";
import type { LstmCaches } from "./lstm.js";
import type { RnnCaches } from "./rnn.js";
import { crossEntropy, crossEntropyGradient } from "./softmax.js";
import {
  add,
  addColumn,
  column,
  extent,
  product,
  setColumn,
  setStep,
  sumColumns,
  type Tensor,
  transpose,
  zeros,
} from "./tensor.js";

/** Class ids (m, T), or m rows of T of them; −1 is ignored. */
export type Targets = Int32Array | readonly (readonly number[])[];

interface LossOptions {
  reduction?: "mean" | "sum";
}

interface Loss {
  loss: number;
  da: Tensor;
  dby: Tensor;
}

/** The cross-entropy of softmax(Wy·a + by) against target classes, and its gradient. */
export function softmaxCrossEntropy(
  caches: LstmCaches | GruCaches,
  targets: Targets,
  options?: LossOptions,
): Loss & { dWy: Tensor };
export function softmaxCrossEntropy(
  caches: RnnCaches,
  targets: Targets,
  options?: LossOptions,
): Loss & { dWya: Tensor };
export function softmaxCrossEntropy(
  { x, parameters, length: T, at }: LstmCaches | GruCaches | RnnCaches,
  targets: Targets,
  { reduction = "mean" }: LossOptions = {},
): Loss & ({ dWy: Tensor } | { dWya: Tensor }) {
  const isRnn = "Wya" in parameters;
  const W = isRnn ? parameters.Wya : parameters.Wy;
  const { by } = parameters;
  const m = extent(x, 1);
  const target = (b: number, t: number): number =>
    (targets instanceof Int32Array ? targets[b * T + t] : targets[b]?.[t]) as number;

  let counted = 0;
  for (let b = 0; b < m; b++) {
    for (let t = 0; t < T; t++) if (target(b, t) >= 0) counted++;
  }
  const scale = reduction === "mean" && counted > 0 ? 1 / counted : 1;

  let loss = 0;
  const da = zeros(extent(W, 1), m, T);
  let dW = zeros(...W.shape);
  let dby = zeros(...by.shape);
  for (let t = 0; t < T; t++) {
    const { aNext } = at(t);
    const logits = addColumn(product(W, aNext), by);
    const dlogits = zeros(...logits.shape);
    for (let b = 0; b < m; b++) {
      const [z, id] = [column(logits, b), target(b, t)];
      loss += crossEntropy(z, id) * scale;
      setColumn(
        dlogits,
        b,
        crossEntropyGradient(z, id).map((d) => d * scale),
      );
    }
    setStep(da, t, product(transpose(W), dlogits));
    dW = add(dW, product(dlogits, transpose(aNext)));
    dby = add(dby, sumColumns(dlogits));
  }
  return isRnn ? { loss, da, dWya: dW, dby } : { loss, da, dWy: dW, dby };
}
