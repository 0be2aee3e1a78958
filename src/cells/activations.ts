/** The activations that ONNX lists, numbered as in assembly/base/activations.ts, with ONNX's default α and β. */
export const ACTIVATIONS = {
  sigmoid: { kind: 0, alpha: 0, beta: 0 },
  tanh: { kind: 1, alpha: 0, beta: 0 },
  relu: { kind: 2, alpha: 0, beta: 0 },
  /** αx + β. */
  affine: { kind: 3, alpha: 1, beta: 0 },
  /** x where x ≥ 0, else αx. */
  leakyRelu: { kind: 4, alpha: 0.01, beta: 0 },
  /** x where x > α, else 0. */
  thresholdedRelu: { kind: 5, alpha: 1, beta: 0 },
  /** α tanh(βx). */
  scaledTanh: { kind: 6, alpha: 1, beta: 1 },
  /** αx + β held within 0 … 1. */
  hardSigmoid: { kind: 7, alpha: 0.2, beta: 0.5 },
  /** x where x ≥ 0, else α(eˣ − 1). */
  elu: { kind: 8, alpha: 1, beta: 0 },
  /** x / (1 + |x|). */
  softsign: { kind: 9, alpha: 0, beta: 0 },
  /** log(1 + eˣ). */
  softplus: { kind: 10, alpha: 0, beta: 0 },
  identity: { kind: 11, alpha: 0, beta: 0 },
} as const;

/** The name of an activation: ONNX's eleven, and `identity`. */
export type ActivationName = keyof typeof ACTIVATIONS;

/** An activation by its name. ONNX's defaults replace absent α and β. */
export type Activation =
  | ActivationName
  | { readonly name: ActivationName; readonly alpha?: number; readonly beta?: number };

/** The functions of each cell in ONNX's order (`RecurrentOptions.activations`) unless a model names others. */
export const DEFAULT_ACTIVATIONS = {
  rnn: ["tanh"],
  gru: ["sigmoid", "tanh"],
  lstm: ["sigmoid", "tanh", "tanh"],
} as const satisfies Readonly<Record<string, readonly ActivationName[]>>;

/** The name of an activation. */
export const activationName = (activation: string | { readonly name: string }): string =>
  typeof activation === "string" ? activation : activation.name;

/** Numbers in a record of three activations; no cell has more. */
export const RECORD_ELEMENTS = 10;

/**
 * The record that the general kernels read (assembly/base/activations.ts): the limit of the input of f and g, then the
 * number, α and β of each activation.
 */
export function activationRecord(clip: number, activations: readonly Activation[]): number[] {
  const record = [clip];
  for (const activation of activations) {
    const given = typeof activation === "string" ? { name: activation } : activation;
    const { kind, alpha, beta } = ACTIVATIONS[given.name];
    record.push(kind, given.alpha ?? alpha, given.beta ?? beta);
  }
  return record;
}
