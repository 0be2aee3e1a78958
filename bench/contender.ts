// Who can run: what each can do, and how its process is started.
import type { Width, Work } from "./cases/cases.js";
import type { Memory } from "./cases/expected.js";

export interface Contender {
  id: string;
  title: string;
  width: Width;
  /** Which oracle its output is compared with; none for the ceiling, which computes nothing of ours. */
  memory?: Memory;
  works: readonly Work[];
  /** Not taken to cases of more operations than this: they would only cost time. */
  largest?: number;
  /** Scores the first lines only, so many, and its time is taken times what is left out. */
  lines?: number;
  kind: "ours" | "variant" | "rival" | "ceiling";
  version?: string;
  command: [string, ...string[]];
  /** A process that opens the model of the folder that comes as a last word, and tells its nanoseconds. */
  first?: [string, ...string[]];
}

export const inference = ["lstm-forward", "lstm-step", "rnn-forward"] as const;
export const all = [...inference, "lstm-train"] as const;
export const maps = ["tanh-map", "sigmoid-map"] as const;
export const language = ["score-lines", "stream-tokens", "open-model"] as const;

/** Before 22, Node has relaxed SIMD behind a flag only. */
const flags =
  Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];

export const node = (script: string, ...words: string[]): [string, ...string[]] => [
  process.execPath,
  ...(words.includes("relaxed") ? flags : []),
  `build/bench/${script}.js`,
  ...words,
];

export const checked = { memory: "own" } as const;
export const f64 = { width: "f64" } as const;
export const f32 = { width: "f32" } as const;
