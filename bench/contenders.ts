// Who runs, what each can do, and how its process is started.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Width, Work } from "./cases/cases.js";
import type { Memory } from "./cases/oracle.js";

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
}

const inference = ["lstm-forward", "lstm-step", "rnn-forward"] as const;
const all = [...inference, "lstm-train"] as const;
const maps = ["tanh-map", "sigmoid-map"] as const;
const language = ["score-lines", "stream-tokens", "open-model"] as const;

/** Before 22, Node has relaxed SIMD behind a flag only. */
const flags =
  Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];

const node = (script: string, ...words: string[]): [string, ...string[]] => [
  process.execPath,
  ...(words.includes("relaxed") ? flags : []),
  `build/bench/${script}.js`,
  ...words,
];

const checked = { memory: "own" } as const;
const f64 = { width: "f64" } as const;
const f32 = { width: "f32" } as const;

const ours: Contender[] = [
  {
    ...{ id: "f64", title: "Recurra f64", kind: "ours", ...f64, ...checked },
    ...{ works: all, command: node("ours/layer", "f64") },
  },
  {
    ...{ id: "f32", title: "Recurra f32", kind: "ours", ...f32, ...checked },
    ...{ works: inference, command: node("ours/layer", "f32") },
  },
  {
    ...{ id: "maps64", title: "Recurra kernels f64", kind: "ours", ...f64, ...checked },
    ...{ works: maps, command: node("ours/maps", "f64") },
  },
  {
    ...{ id: "maps32", title: "Recurra kernels f32", kind: "ours", ...f32, ...checked },
    ...{ works: maps, command: node("ours/maps", "f32") },
  },
  {
    ...{ id: "language64", title: "Recurra f64", kind: "ours", ...f64, ...checked },
    ...{ works: language, command: node("ours/language", "f64") },
  },
  {
    ...{ id: "language32", title: "Recurra f32", kind: "ours", ...f32, ...checked },
    ...{ works: language, command: node("ours/language", "f32") },
  },
  {
    ...{ id: "ceiling64", title: "ceiling f64", kind: "ceiling", ...f64 },
    ...{ works: all, command: node("ours/ceiling", "f64") },
  },
  {
    ...{ id: "ceiling32", title: "ceiling f32", kind: "ceiling", ...f32 },
    ...{ works: inference, command: node("ours/ceiling", "f32") },
  },
];

/** Our other ways to the same results: of interest, and no goal. */
const otherWays: Contender[] = [
  {
    ...{
      id: "relaxed64",
      title: "Recurra f64, relaxed build",
      kind: "variant",
      ...f64,
      ...checked,
    },
    ...{ works: all, command: node("ours/layer", "f64", "relaxed") },
  },
  {
    ...{
      id: "relaxed32",
      title: "Recurra f32, relaxed build",
      kind: "variant",
      ...f32,
      ...checked,
    },
    ...{ works: inference, command: node("ours/layer", "f32", "relaxed") },
  },
  {
    ...{ id: "functions", title: "Recurra's numpy-shaped functions f64", kind: "variant" },
    ...{ ...f64, ...checked, works: all, command: node("ours/functions") },
  },
];

const plain: Contender = {
  ...{ id: "plain", title: "plain JavaScript f64", kind: "rival", ...f64, ...checked },
  ...{ works: [...all, ...maps], command: node("rivals/plain") },
};

const rival = (id: string, title: string, script: string, version: string): Contender => ({
  ...{ id, title, kind: "rival", ...f32, ...checked, works: inference, version },
  command: node(`rivals/${script}`, version.split(" ")[0] as string),
});

const rivals: Contender[] = [
  rival("web", "onnxruntime-web f32", "onnxruntime", "onnxruntime-web"),
  rival("node", "onnxruntime-node f32 (native)", "onnxruntime", "onnxruntime-node"),
  { ...rival("tfwasm", "TensorFlow.js wasm f32", "tensorflow", "wasm"), works: all },
  { ...rival("tfcpu", "TensorFlow.js cpu f32", "tensorflow", "cpu"), works: all, largest: 5e7 },
  {
    ...rival("brain", "brain.js f32 (a cell of its own)", "brain", "brain.js"),
    ...{ memory: "hidden", works: ["lstm-forward"], largest: 2e8 },
  },
];

/** The rivals on language models. Lines go in by padded batches of 32, in the order of the file unless it says otherwise. */
const languageRivals: Contender[] = [
  {
    ...rival("webLanguage", "onnxruntime-web f32", "onnxruntime_language", "onnxruntime-web"),
    works: language,
  },
  {
    ...{ id: "webSorted", title: "onnxruntime-web f32, lines sorted by length", kind: "rival" },
    ...{ ...f32, ...checked, works: ["score-lines"] },
    command: node("rivals/onnxruntime_language", "onnxruntime-web", "sorted"),
  },
  {
    ...rival(
      "nodeLanguage",
      "onnxruntime-node f32 (native)",
      "onnxruntime_language",
      "onnxruntime-node",
    ),
    works: language,
  },
  {
    ...rival("tfLanguage", "TensorFlow.js wasm f32", "tensorflow_language", "wasm"),
    ...{ works: ["score-lines"], lines: 320 },
  },
];

const packages: Record<string, string> = {
  ...{ web: "onnxruntime-web", webLanguage: "onnxruntime-web", webSorted: "onnxruntime-web" },
  ...{ node: "onnxruntime-node", nodeLanguage: "onnxruntime-node" },
  tfwasm: "@tensorflow/tfjs-backend-wasm",
  tfLanguage: "@tensorflow/tfjs-backend-wasm",
  tfcpu: "@tensorflow/tfjs",
  brain: "brain.js",
};

/** A contender whose language is Python, where one of these pythons has its module. */
function inPython(module: string, pythons: readonly string[], contender: Contender): Contender[] {
  for (const python of pythons) {
    try {
      const ask = ["-c", `import numpy, ${module}; print(${module}.__version__)`];
      const version = execFileSync(python, ask, { stdio: ["ignore", "pipe", "ignore"] });
      const [, ...words] = contender.command;
      return [{ ...contender, version: String(version).trim(), command: [python, ...words] }];
    } catch {} // the next one may have it
  }
  console.error(`bench: no ${module} here; PYTHON=<a python that has it> takes it along`);
  return [];
}

const { PYTHON } = process.env;

const pythonRivals = (): Contender[] => [
  ...inPython("numpy", [PYTHON ?? "python3"], {
    ...{ id: "numpy", title: "numpy's loop f64 (native)", kind: "rival", ...f64, ...checked },
    ...{ works: all, command: ["python", "bench/rivals/numpy_loop.py"] },
  }),
  ...inPython("torch", [PYTHON ?? "python3", "/usr/bin/python3"], {
    ...{ id: "torch", title: "PyTorch f32 (native)", kind: "rival", ...f32, ...checked },
    ...{ works: ["score-lines"], command: ["python", "bench/rivals/torch_language.py"] },
  }),
];

export const rivalsFolder = "bench/rivals";

export const rivalsInstalled = (): boolean =>
  Object.values(packages).every((name) => existsSync(`${rivalsFolder}/node_modules/${name}`));

/** Everybody who can run here; without rivals ourselves and the plain loop, which needs nothing. */
export function contenders(withRivals: boolean): Contender[] {
  if (!withRivals) return [...ours, plain];
  const installed = [...rivals, ...languageRivals].map((one) => {
    const path = `${rivalsFolder}/node_modules/${packages[one.id]}/package.json`;
    return { ...one, version: String(JSON.parse(readFileSync(path, "utf8")).version) };
  });
  return [...ours, ...otherWays, plain, ...installed, ...pythonRivals()];
}
