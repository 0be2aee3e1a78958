// The contenders: what each can do, and how its process is started.
import type { Precision, Work } from "./cases/cases.js";
import type { CellKind } from "./cases/expected.js";

export type Command = readonly [program: string, ...words: string[]];

export interface Contender {
  id: string;
  title: string;
  kind: "ours" | "variant" | "rival" | "ceiling";
  precision: Precision;
  /** The cell that its output is compared with; none for the ceiling, which computes nothing of ours. */
  cell?: CellKind | undefined;
  works: readonly Work[];
  /** It gets no case of more operations than this, which would only cost time. */
  largest?: number;
  /** It scores the first lines only, so many. */
  lines?: number;
  version?: string | undefined;
  command: Command;
  /** A process that opens the model in the folder of its last argument, and prints the nanoseconds that it took. */
  firstModel?: Command;
}

export const inference = ["lstm-forward", "lstm-step", "rnn-forward"] as const;
export const all = [...inference, "lstm-train"] as const;
export const maps = ["tanh-map", "sigmoid-map"] as const;
export const language = ["score-lines", "stream-tokens", "open-model"] as const;

/** Before 22, Node has relaxed SIMD only behind a flag. */
const flags =
  Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];

/** A script of the bench and its arguments: "ours/layer f64". */
export function node(script: string): Command {
  const [name, ...words] = script.split(" ");
  const relaxed = words.includes("relaxed") ? flags : [];
  return [process.execPath, ...relaxed, `build/bench/${name}.js`, ...words];
}

const own = (id: string, title: string, works: Contender["works"], script: string): Contender => ({
  id,
  title,
  kind: "ours",
  precision: script.includes("f32") ? "f32" : "f64",
  cell: "usual",
  works,
  command: node(script),
});

const languageModel = (precision: Precision): Contender => ({
  ...own(
    `language${precision.slice(1)}`,
    `Recurra ${precision}`,
    language,
    `ours/language ${precision}`,
  ),
  firstModel: node(`ours/first_model ${precision}`),
});

const ceiling = (precision: Precision, works: Contender["works"]): Contender => ({
  ...own(
    `ceiling${precision.slice(1)}`,
    `ceiling ${precision}`,
    works,
    `ours/ceiling ${precision}`,
  ),
  kind: "ceiling",
  cell: undefined,
});

export const ours: readonly Contender[] = [
  own("f64", "Recurra f64", all, "ours/layer f64"),
  own("f32", "Recurra f32", inference, "ours/layer f32"),
  own("maps64", "Recurra kernels f64", maps, "ours/maps f64"),
  own("maps32", "Recurra kernels f32", maps, "ours/maps f32"),
  languageModel("f64"),
  languageModel("f32"),
  ceiling("f64", [...all, "score-lines"]),
  ceiling("f32", [...inference, "score-lines"]),
];

/** Our other ways to the same results, for which no goal is set. */
export const variants: readonly Contender[] = [
  own("relaxed64", "Recurra f64, relaxed build", all, "ours/layer f64 relaxed"),
  own("relaxed32", "Recurra f32, relaxed build", inference, "ours/layer f32 relaxed"),
  own("functions", "Recurra's numpy-shaped functions f64", all, "ours/functions"),
].map((contender) => ({ ...contender, kind: "variant" }));

/** The plain loop, which needs nothing installed. */
export const plain: Contender = {
  ...own("plain", "plain JavaScript f64", [...all, ...maps], "rivals/plain"),
  kind: "rival",
};
