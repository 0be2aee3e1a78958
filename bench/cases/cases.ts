// The cases: works, sizes, and the number of their operations. T steps, m batch, nx inputs, na hidden units.

export type Precision = "f64" | "f32";

export interface Sizes {
  readonly nx: number;
  readonly na: number;
  readonly m: number;
  readonly T: number;
}

/**
 * A map has `nx` values; a step is one time step of a stream; train is forward and backward. The last three are works of
 * whole language models (language.ts).
 */
export type Work =
  | "lstm-forward"
  | "rnn-forward"
  | "lstm-step"
  | "lstm-train"
  | "tanh-map"
  | "sigmoid-map"
  | LanguageWork;

export type LanguageWork = "score-lines" | "stream-tokens" | "open-model";

export interface Case extends Sizes {
  readonly name: string;
  readonly work: Work;
  /**
   * `usual`: uniform numbers; `decaying`: an input that dies out, so that the state becomes subnormal in that precision;
   * `shakespeare`: a trained model and its text.
   */
  readonly data: "usual" | `decaying-${Precision}` | "shakespeare";
}

export const sizes: Readonly<Record<string, Sizes>> = {
  S0: { nx: 3, na: 5, m: 1, T: 1 },
  S1: { nx: 3, na: 5, m: 10, T: 7 },
  S2: { nx: 32, na: 64, m: 1, T: 128 },
  S3: { nx: 64, na: 128, m: 1, T: 256 },
  S4: { nx: 64, na: 128, m: 32, T: 64 },
  S5: { nx: 128, na: 256, m: 64, T: 32 },
  S6: { nx: 256, na: 512, m: 1, T: 64 },
};

/**
 * Calls before a result is checked. A stream is checked after some steps, so that a state that is not carried on shows;
 * lines are scored in ten parts, because one call for all of them would leave time for few samples.
 */
export function callsBeforeCheck(work: Work): number {
  if (work === "score-lines") return 10;
  return work === "lstm-step" || work === "stream-tokens" ? 8 : 1;
}

export const gates = (work: Work): number => (work.startsWith("rnn") ? 1 : 4);

/** Floating-point operations of the products: 2·m·T·G·na·(na + nx) forward, twice that backward. */
export function operations({ work, nx, na, m, T }: Case): number {
  if (work.endsWith("map")) return 0;
  const forward = 2 * m * T * gates(work) * na * (na + nx);
  if (work === "lstm-step") return forward / T;
  return work === "lstm-train" ? 3 * forward : forward;
}

const series = (work: Work, names: string): Case[] =>
  names.split(" ").map((name) => ({ ...(sizes[name] as Sizes), name, work, data: "usual" }));

export const forwardCases = series("lstm-forward", "S0 S1 S2 S3 S4 S5 S6");
export const stepCases = series("lstm-step", "S2");
export const rnnCases = series("rnn-forward", "S1 S2 S3 S4 S5 S6");
export const trainCases = series("lstm-train", "S1 S2 S3 S4 S5");

const S2 = sizes.S2 as Sizes;

/** 1024 values: input and output stay in a first-level cache. */
export const mapCases: Case[] = (["tanh-map", "sigmoid-map"] as const).map((work) => {
  return { name: "1024 values", work, data: "usual", nx: 1024, na: 0, m: 1, T: 1 };
});

export const linearInT: Case[] = [64, 128, 256, 512, 1024, 2048, 4096].map((T) => {
  return { ...S2, T, name: `T = ${T}`, work: "lstm-forward", data: "usual" };
});

/** From 4 on: smaller batches use another kernel, with fewer rows to a tile. */
export const linearInM: Case[] = [4, 8, 16, 32, 64, 128].map((m) => {
  return { ...S2, m, name: `m = ${m}`, work: "lstm-forward", data: "usual" };
});

export const subnormalCases = (precision: Precision): Case[] => [
  { ...S2, name: "usual", work: "lstm-forward", data: "usual" },
  { ...S2, name: "decaying", work: "lstm-forward", data: `decaying-${precision}` },
];

/** The same case, small enough that a whole run costs seconds: for `--check`. */
export const shrunk = <C extends Case>(one: C): C => ({
  ...one,
  T: Math.min(one.T, 10),
  m: Math.min(one.m, 5),
});
