import fc from "fast-check";
import { randomGru, randomLstm, randomRnn, randomTensor, uniform } from "./random.js";
import type { Subject, Targets, Tensor } from "./subject.js";

// What the tests of the functions know of a cell: one suite runs over all of them, another cell joins with another row.

export type Tensors = Readonly<Record<string, Tensor>>;

/** A state, or the gradient of one; c is there if the cell has a cell state. */
export interface State {
  readonly a: Tensor;
  readonly c?: Tensor;
}

type Gradients = Tensors & { readonly da: Tensor };

/** A forward pass. */
export interface Pass {
  /** Every step's states and outputs: a, c, y. */
  readonly outputs: Tensors & { readonly a: Tensor; readonly y: Tensor };
  /** What the cache of step t holds. */
  at(t: number): object;
  /** Under the functions' names: dx, da0, dc0, and those of the parameters. */
  backward(
    da: Tensor,
    options?: { dcLast?: Tensor; throughTime?: boolean },
  ): Tensors & { dx: Tensor; da0: Tensor };
  /** `gradients`: da, and those of the output layer. */
  loss(targets: Targets, reduction?: "mean" | "sum"): { loss: number; gradients: Gradients };
  dispose(): void;
}

/** What a forward function gives, by the names of any cell. */
interface Made extends Record<string, Tensor | object | undefined> {
  readonly a: Tensor;
  readonly caches: { at(t: number): object; dispose?(): void };
}

export class CellRow {
  readonly #cell: "rnn" | "lstm" | "gru";
  /** What a cache holds beside its parameters. */
  readonly seen: readonly string[];
  readonly parameters: (
    next: () => number,
    sizes: Pick<Sizes, "nx" | "na" | "ny">,
  ) => Record<string, Tensor>;

  constructor(
    cell: "rnn" | "lstm" | "gru",
    parameters: CellRow["parameters"],
    gates: readonly string[],
  ) {
    this.#cell = cell;
    this.parameters = parameters;
    this.seen = [
      "aNext",
      "aPrev",
      "xt",
      ...(this.hasCellState ? ["cNext", "cPrev"] : []),
      ...gates,
    ];
  }

  get name(): string {
    return this.#cell.toUpperCase();
  }

  get hasCellState(): boolean {
    return this.#cell === "lstm";
  }

  /** The cell's function of a subject. */
  #call<R>(
    on: Subject,
    which: "Forward" | "Backward" | "CellForward" | "CellBackward",
    ...operands: unknown[]
  ): R {
    const call = on[`${this.#cell}${which}`] as (...operands: unknown[]) => unknown;
    return call(...operands.filter((operand) => operand !== undefined)) as R;
  }

  run(on: Subject, x: Tensor, { a: a0, c: c0 }: State, parameters: object): Pass {
    const options = c0 && { c0 };
    const made = this.#call<Made>(on, "Forward", x, a0, parameters, options);
    const { a, c, caches } = made;
    return {
      outputs: { a, ...(c && { c: c as Tensor }), y: (made.y ?? made.yPred) as Tensor },
      at: (t) => caches.at(t),
      backward: (da, options) => ({
        ...this.#call<ReturnType<Pass["backward"]>>(on, "Backward", da, caches, options),
      }),
      loss: (targets, reduction = "mean") => {
        const { loss, ...gradients } = on.softmaxCrossEntropy(caches as never, targets, {
          reduction,
        });
        return { loss, gradients: { ...gradients } as Gradients };
      },
      dispose: () => caches.dispose?.(),
    };
  }

  /** One step: what it gives, and its cache. */
  step(on: Subject, xt: Tensor, { a, c }: State, parameters: object) {
    const made = this.#call<Record<string, Tensor>>(on, "CellForward", xt, a, c, parameters);
    const { aNext, cNext, ytPred, cache } = made;
    const state: State = { a: aNext as Tensor, ...(cNext && { c: cNext }) };
    return { state, y: ytPred as Tensor, cache: cache as object };
  }

  /** dxt, daPrev, dcPrev, and those of the parameters. */
  stepBackward(on: Subject, { a, c }: State, cache: object) {
    type Back = Tensors & { dxt: Tensor; daPrev: Tensor; dcPrev?: Tensor };
    return { ...this.#call<Back>(on, "CellBackward", a, c, cache) };
  }
}

export const cells: readonly CellRow[] = [
  new CellRow("rnn", randomRnn, []),
  new CellRow("lstm", randomLstm, ["ft", "it", "cct", "ot"]),
  new CellRow("gru", randomGru, ["ut", "rt", "cct"]),
];

export interface Sizes {
  nx: number;
  na: number;
  ny: number;
  m: number;
  T: number;
}

/** A network, its operands, and gradients for it. */
export interface Draw extends Sizes {
  parameters: Record<string, Tensor>;
  x: Tensor;
  initial: State;
  /** Of every step's hidden state. */
  da: Tensor;
  /** Of the state after the last step, or of any single one. */
  d: State;
  /** Class ids (m, T), some of them −1. */
  targets: Int32Array;
}

/**
 * Everything that a cell computes with, from a seed. The weights are those of a stable network, at most 1/√(na + nx): a
 * larger recurrent matrix doubles a rounding error at every step, and then no bound would mean anything.
 */
export function draw(cell: CellRow, sizes: Sizes, seed: number): Draw {
  const { nx, na, ny, m, T } = sizes;
  const next = uniform(seed);
  const scale = 1 / Math.sqrt(na + nx);
  const state = (): State => {
    const a = randomTensor(next, na, m);
    return cell.hasCellState ? { a, c: randomTensor(next, na, m) } : { a };
  };
  return {
    ...sizes,
    parameters: cell.parameters(() => scale * next(), { nx, na, ny }),
    x: randomTensor(next, nx, m, T),
    initial: state(),
    da: randomTensor(next, na, m, T),
    d: state(),
    targets: Int32Array.from(
      { length: m * T },
      () => Math.floor(((next() + 1) / 2) * (ny + 1)) - 1,
    ),
  };
}

/** Sizes below, at and above every tile of the kernels: four rows by one panel of 4, one row by four panels. */
export const sizes = (least = 0): fc.Arbitrary<Sizes> =>
  fc.record({
    nx: fc.integer({ min: 1, max: 20 }),
    na: fc.integer({ min: 1, max: 20 }),
    ny: fc.integer({ min: 1, max: 20 }),
    m: fc.integer({ min: least, max: 20 }),
    T: fc.integer({ min: least, max: 20 }),
  });

export const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** The same draws at each run. */
export const FIXED = { seed: 20_231_123, numRuns: 40 } as const;

/** The batch rows `picks` of (n, m, T) or (n, m), in that order. */
export function pick({ shape, data }: Tensor, picks: readonly number[]): Tensor {
  const [n = 0, m = 0, T = 1] = shape;
  const out = new Float64Array(n * picks.length * T);
  for (let i = 0; i < n; i++) {
    picks.forEach((b, k) => {
      const from = (i * m + b) * T;
      out.set(data.subarray(from, from + T), (i * picks.length + k) * T);
    });
  }
  return { shape: [n, picks.length, ...shape.slice(2)], data: out };
}

/** Steps `from` … `to − 1` of (n, m, T); those beyond the last are zero. */
export function span({ shape, data }: Tensor, from: number, to: number): Tensor {
  const [n = 0, m = 0, T = 0] = shape;
  const length = to - from;
  const out = new Float64Array(n * m * length);
  for (let r = 0; r < n * m; r++) {
    out.set(data.subarray(r * T + from, r * T + Math.min(to, T)), r * length);
  }
  return { shape: [n, m, length], data: out };
}

/** One step, as (n, m). */
export function at(x: Tensor, t: number): Tensor {
  const { shape, data } = span(x, t, t + 1);
  return { shape: shape.slice(0, 2), data };
}
