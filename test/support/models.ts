import type {
  Activation,
  ModelDescription,
  RecurrentDescription,
  RecurrentOptions,
  StoredNumbers,
} from "../../src/index.js";
import { uniform } from "./random.js";

/** What a random network looks like. */
export interface ModelPlan {
  readonly name: string;
  /** Different tokens, or numbers of a step. */
  readonly size: number;
  readonly input: "embedding" | "one-hot" | "features";
  /** From below. Sizes of input come from the part below; the lowest's with an embedding is 6. */
  readonly parts: readonly (Omit<RecurrentOptions, "inputSize" | "precision"> &
    Pick<RecurrentDescription, "merge" | "residual"> & {
      /** ε of the normalisation after each layer; true: the default. */
      readonly layerNorm?: number | true;
    })[];
  /** Outputs and what follows them, from below. */
  readonly dense: readonly (readonly [
    ny: number,
    activation: Activation | "softmax" | "logSoftmax",
  ])[];
  readonly output?: "steps" | "last";
  readonly bias?: boolean;
}

const EMBEDDED = 6;
const GATES = { rnn: 1, gru: 3, lstm: 4 } as const;

/** A description with seeded weights, those of a stable network, all of them numbers that float32 has, too. */
export function describedOf(plan: ModelPlan, seed = 1): ModelDescription {
  const next = uniform(seed + 7919 * plan.size);
  // The upper bits: exact in float32.
  const numbers = (scale: number, ...shape: number[]): StoredNumbers => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      Math.fround(Math.round(next() * 2 ** 20) * scale * 2 ** -20),
    ),
  });
  const { size, bias = true } = plan;
  let nx = plan.input === "embedding" ? EMBEDDED : size;
  const input: ModelDescription["input"] =
    plan.input === "embedding"
      ? { kind: "embedding", name: "embedding", weight: numbers(1, size, nx) }
      : { kind: plan.input, size };
  const recurrent = plan.parts.map((part, i): RecurrentDescription => {
    const { merge, residual, layerNorm: epsilon, ...own } = part;
    const options = { ...own, inputSize: nx };
    const weights: Record<string, StoredNumbers> = {};
    const { cell, hiddenSize: na, layers = 1, projectionSize: nh = na } = options;
    const D = options.bidirectional ? 2 : 1;
    for (let l = 0; l < layers; l++) {
      for (const suffix of D === 2 ? ["", "_reverse"] : [""]) {
        const width = l === 0 ? nx : D * nh;
        const rows = GATES[cell] * na;
        const put = (part: string, ...shape: number[]) => {
          weights[`${part}_l${l}${suffix}`] = numbers(1.5 / Math.sqrt(na + width), ...shape);
        };
        put("weight_ih", rows, width);
        put("weight_hh", rows, nh);
        if (bias) put("bias_ih", rows);
        if (bias) put("bias_hh", rows);
        if (options.projectionSize !== undefined) put("weight_hr", nh, na);
        if (options.peepholes) put("peephole", 3 * na);
      }
    }
    const norms = Array.from({ length: epsilon === undefined ? 0 : layers }, (_, l) => ({
      name: `norm${i}.${l}`,
      weight: numbers(2, D * nh),
      bias: numbers(1, D * nh),
      ...(typeof epsilon === "number" ? { epsilon } : {}),
    }));
    nx = merge === undefined || merge === "concat" ? D * nh : nh;
    return {
      name: `part${i}`,
      options,
      weights,
      ...(merge && { merge }),
      ...(norms.length > 0 && { layerNorm: norms }),
      ...(residual !== undefined && { residual }),
    };
  });
  const dense = plan.dense.map(([ny, activation], i) => {
    const made = {
      name: `dense${i}`,
      weight: numbers(3 / Math.sqrt(nx), ny, nx),
      ...(bias ? { bias: numbers(1, ny) } : {}),
      activation,
    };
    nx = ny;
    return made;
  });
  const { output = "steps" } = plan;
  return { format: "safetensors", input, recurrent, dense, output, metadata: new Map() };
}

const V = 11;
const logits = [[V, "identity"]] as const;

/** Every kind of language model: cells, parts of different sizes, what goes in and what is on top. */
export const LANGUAGE: readonly ModelPlan[] = [
  {
    name: "rnn over an embedding",
    size: V,
    input: "embedding",
    parts: [{ cell: "rnn", hiddenSize: 9 }],
    dense: logits,
  },
  {
    name: "one-hot into a relu rnn of two layers",
    size: V,
    input: "one-hot",
    dense: logits,
    parts: [{ cell: "rnn", hiddenSize: 5, layers: 2, nonlinearity: "relu" }],
  },
  {
    name: "lstm over an embedding, a softmax on top",
    size: V,
    input: "embedding",
    dense: [[V, "softmax"]],
    parts: [{ cell: "lstm", hiddenSize: 7 }],
  },
  {
    name: "one-hot into an lstm of three layers, no biases",
    size: V,
    input: "one-hot",
    dense: [[V, "logSoftmax"]],
    bias: false,
    parts: [{ cell: "lstm", hiddenSize: 6, layers: 3 }],
  },
  {
    name: "lstm with a projection, two layers",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [{ cell: "lstm", hiddenSize: 9, projectionSize: 4, layers: 2 }],
  },
  {
    name: "lstm with peepholes, a bound and functions of its own",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [
      {
        cell: "lstm",
        hiddenSize: 6,
        peepholes: true,
        clip: 1.5,
        activations: ["hardSigmoid", "softsign", { name: "scaledTanh", alpha: 1.2, beta: 0.7 }],
      },
    ],
  },
  {
    name: "gru over an embedding",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [{ cell: "gru", hiddenSize: 8, layers: 2 }],
  },
  {
    name: "one-hot into a gru whose reset stands before the product",
    size: V,
    input: "one-hot",
    dense: logits,
    parts: [{ cell: "gru", hiddenSize: 8, resetAfter: false }],
  },
  {
    name: "gru, two lstms that join, rnn: all of different sizes",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [
      { cell: "gru", hiddenSize: 5 },
      { cell: "lstm", hiddenSize: 7 },
      { cell: "lstm", hiddenSize: 7, layers: 2 },
      { cell: "rnn", hiddenSize: 4 },
    ],
  },
  {
    name: "hidden linear layers with functions",
    size: V,
    input: "embedding",
    parts: [{ cell: "lstm", hiddenSize: 6 }],
    dense: [
      [13, "relu"],
      [5, { name: "leakyRelu", alpha: 0.2 }],
      [V, "identity"],
    ],
  },
  {
    name: "no linear layer: the hidden state is the logits",
    size: V,
    input: "embedding",
    parts: [{ cell: "gru", hiddenSize: V }],
    dense: [],
  },
  {
    name: "LayerNorm after each of two lstm layers",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [{ cell: "lstm", hiddenSize: 7, layers: 2, layerNorm: true }],
  },
  {
    name: "residuals over an embedding, gru of three layers with LayerNorm",
    size: V,
    input: "embedding",
    dense: logits,
    parts: [
      { cell: "gru", hiddenSize: EMBEDDED, layers: 3, layerNorm: 0.01, residual: true },
      { cell: "rnn", hiddenSize: 5 },
    ],
  },
  {
    name: "one-hot into an rnn with a residual: no linear layer",
    size: V,
    input: "one-hot",
    dense: [],
    parts: [
      { cell: "rnn", hiddenSize: V, residual: true },
      { cell: "lstm", hiddenSize: V, residual: true },
    ],
  },
];

/** Seeded tokens. */
export function tokensOf(length: number, seed: number, size = V): number[] {
  const next = uniform(seed + 104729 * length);
  return Array.from({ length }, () => Math.floor(((next() + 1) / 2) * size));
}

/** Sequences of some lengths. */
export const textsOf = (lengths: readonly number[], seed = 1, size = V): number[][] =>
  lengths.map((length, i) => tokensOf(length, seed + i, size));
