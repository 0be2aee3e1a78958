// The case of the bench of training: a language model of characters, its first weights and its data, in one file that every
// contender reads. A step is all that training needs: forward, loss, backward, Adam. There is no dropout and no clipping, and
// the state starts at zeros.
import { readFileSync, writeFileSync } from "node:fs";
import { uniform } from "../cases/data.js";

export interface Sizes {
  /** Characters, and the columns of their embedding. */
  readonly tokens: number;
  readonly embedding: number;
  readonly na: number;
  readonly layers: number;
  readonly m: number;
  readonly T: number;
}

export interface TrainCase extends Sizes {
  readonly name: "large" | "small";
  readonly title: string;
}

export const CASES: readonly TrainCase[] = [
  {
    name: "large",
    title: "LSTM 128 × 2, batch 32, T 64",
    ...{ tokens: 65, embedding: 128, na: 128, layers: 2, m: 32, T: 64 },
  },
  {
    name: "small",
    title: "LSTM 32, batch 8, T 16",
    ...{ tokens: 65, embedding: 32, na: 32, layers: 1, m: 8, T: 16 },
  },
];

export const LEARNING_RATE = 0.001;
/** Steps whose losses are compared before a contender is timed: the update is right, too, if the second one is. */
export const CHECKED_STEPS = 4;

/** PyTorch's names and shapes, in the order of the file. */
export function shapesOf({ tokens, embedding, na, layers }: Sizes): [string, number[]][] {
  const recurrent = Array.from({ length: layers }, (_, l): [string, number[]][] => [
    [`recurrent.weight_ih_l${l}`, [4 * na, l === 0 ? embedding : na]],
    [`recurrent.weight_hh_l${l}`, [4 * na, na]],
    [`recurrent.bias_ih_l${l}`, [4 * na]],
    [`recurrent.bias_hh_l${l}`, [4 * na]],
  ]);
  return [
    ["embedding.weight", [tokens, embedding]],
    ...recurrent.flat(),
    ["output.weight", [tokens, na]],
    ["output.bias", [tokens]],
  ];
}

/** Floating-point operations of the products of a step: 2 forward and 4 backward for each weight and row. */
export function operations({ tokens, embedding, na, layers, m, T }: Sizes): number {
  const recurrent = 4 * na * (embedding + na) + (layers - 1) * 8 * na * na;
  return 6 * m * T * (recurrent + tokens * na);
}

/** Those that ours makes: the products of the lowest layer's input and their gradients have a row for each token. */
export function ownOperations(sizes: Sizes): number {
  const { tokens, embedding, na, m, T } = sizes;
  return operations(sizes) - 6 * (m * T - tokens) * 4 * na * embedding;
}

/** The sizes, the weights, exact in f32, and m · (T + 1) ids: the target of a step is the next id. */
export function writeOperands(path: string, sizes: Sizes): void {
  const { tokens, embedding, na, layers, m, T } = sizes;
  const draw = uniform(na + m);
  const bound = 1 / Math.sqrt(na);
  const numbers = [tokens, embedding, na, layers, m, T];
  for (const [name, shape] of shapesOf(sizes)) {
    const scale = name.startsWith("embedding") ? 1 : bound;
    const count = shape.reduce((product, extent) => product * extent, 1);
    for (let i = 0; i < count; i++) numbers.push(Math.fround(draw() * scale));
  }
  // Ids that can be learned in part: each follows from the one before it, or is drawn.
  for (let b = 0; b < m; b++) {
    for (let t = 0, id = b; t <= T; t++) {
      id = draw() > 0 ? (id * 7 + 3) % tokens : Math.floor(((draw() + 1) / 2) * tokens);
      numbers.push(id);
    }
  }
  writeFileSync(path, new Uint8Array(Float64Array.from(numbers).buffer));
}

export interface Operands {
  readonly sizes: Sizes;
  readonly weights: ReadonlyMap<string, { shape: number[]; data: Float64Array }>;
  /** For each sequence T ids, and the T ids after each. */
  readonly inputs: readonly Int32Array[];
  readonly targets: readonly Int32Array[];
}

export function readOperands(path: string): Operands {
  const file = new Float64Array(new Uint8Array(readFileSync(path)).buffer);
  const [tokens = 0, embedding = 0, na = 0, layers = 0, m = 0, T = 0] = file;
  const sizes = { tokens, embedding, na, layers, m, T };
  let at = 6;
  const weights = new Map(
    shapesOf(sizes).map(([name, shape]) => {
      const start = at;
      at += shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape, data: file.slice(start, at) }] as const;
    }),
  );
  const cut = (by: number) =>
    Array.from({ length: m }, (_, b) => {
      const start = at + b * (T + 1) + by;
      return Int32Array.from(file.subarray(start, start + T));
    });
  return { sizes, weights, inputs: cut(0), targets: cut(1) };
}
