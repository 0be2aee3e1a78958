// The others, where they are installed.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { all, type Contender, checked, f32, f64, inference, language, node } from "./contender.js";

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

const onnx = (id: string, title: string, name: string, ...words: string[]): Contender => ({
  ...{ id, title, kind: "rival", ...f32, ...checked, works: language },
  command: node("rivals/onnxruntime_language", name, ...words),
  first: node("rivals/first_open", name),
});

/** The rivals on language models. Lines go in by padded batches of 32, in the order of the file unless it says otherwise. */
const languageRivals: Contender[] = [
  onnx("webLanguage", "onnxruntime-web f32", "onnxruntime-web"),
  {
    ...onnx("webSorted", "onnxruntime-web f32, lines sorted", "onnxruntime-web", "sorted"),
    works: ["score-lines"],
  },
  onnx("nodeLanguage", "onnxruntime-node f32 (native)", "onnxruntime-node"),
  {
    ...rival("tfLanguage", "TensorFlow.js wasm f32", "tensorflow_language", "wasm"),
    ...{ works: ["score-lines"], lines: 640 },
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
    ...{
      works: ["score-lines"],
      lines: 640,
      command: ["python", "bench/rivals/torch_language.py"],
    },
  }),
];

export const rivalsFolder = "bench/rivals";

export const rivalsInstalled = (): boolean =>
  Object.values(packages).every((name) => existsSync(`${rivalsFolder}/node_modules/${name}`));

/** All who are installed. */
export function rivalContenders(): Contender[] {
  const installed = [...rivals, ...languageRivals].map((one) => {
    const path = `${rivalsFolder}/node_modules/${packages[one.id]}/package.json`;
    return { ...one, version: String(JSON.parse(readFileSync(path, "utf8")).version) };
  });
  return [...installed, ...pythonRivals()];
}
