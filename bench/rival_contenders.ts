// The rivals: npm packages in bench/rivals/node_modules, and Python modules where a Python has them.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { all, type Contender, inference, language, node } from "./contenders.js";

const FOLDER = "bench/rivals";

/** A rival in f32 that does inference, unless it says otherwise. */
const rival = (id: string, title: string, script: string): Contender => ({
  id,
  title,
  kind: "rival",
  precision: "f32",
  cell: "usual",
  works: inference,
  command: node(`rivals/${script}`),
});

/** onnxruntime on language models: padded batches of 32 lines, in the order of the file unless sorted. */
const onnxLanguage = (id: string, title: string, words: string): Contender => ({
  ...rival(id, title, `onnxruntime_language ${words}`),
  works: language,
  firstModel: node(`rivals/first_model ${words.split(" ")[0]}`),
});

const lines = { works: ["score-lines"], lines: 640 } as const;

/** Each with the package that it needs. */
const RIVALS: readonly (readonly [name: string, Contender])[] = [
  ["onnxruntime-web", rival("web", "onnxruntime-web f32", "onnxruntime onnxruntime-web")],
  [
    "onnxruntime-node",
    rival("node", "onnxruntime-node f32 (native)", "onnxruntime onnxruntime-node"),
  ],
  [
    "@tensorflow/tfjs-backend-wasm",
    { ...rival("tfwasm", "TensorFlow.js wasm f32", "tensorflow wasm"), works: all },
  ],
  [
    "@tensorflow/tfjs",
    { ...rival("tfcpu", "TensorFlow.js cpu f32", "tensorflow cpu"), works: all, largest: 5e7 },
  ],
  [
    "brain.js",
    {
      ...rival("brain", "brain.js f32 (a cell of its own)", "brain"),
      cell: "brain",
      works: ["lstm-forward"],
      largest: 2e8,
    },
  ],
  ["onnxruntime-web", onnxLanguage("webLanguage", "onnxruntime-web f32", "onnxruntime-web")],
  [
    "onnxruntime-web",
    {
      ...onnxLanguage("webSorted", "onnxruntime-web f32, lines sorted", "onnxruntime-web sorted"),
      works: ["score-lines"],
    },
  ],
  [
    "onnxruntime-node",
    onnxLanguage("nodeLanguage", "onnxruntime-node f32 (native)", "onnxruntime-node"),
  ],
  [
    "@tensorflow/tfjs-backend-wasm",
    { ...rival("tfLanguage", "TensorFlow.js wasm f32", "tensorflow_language"), ...lines },
  ],
];

/** What only the bench of graphs needs. */
const OTHERS = ["@ricky0123/vad-web"];

const manifest = (name: string): string => `${FOLDER}/node_modules/${name}/package.json`;

/** Installs the npm packages. @throws {Error} if npm fails */
export function installRivals(): void {
  const names = [...RIVALS.map(([name]) => name), ...OTHERS];
  if (names.every((name) => existsSync(manifest(name)))) return;
  console.error(`bench: npm ci --ignore-scripts in ${FOLDER} (about 750 MB) …`);
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { cwd: FOLDER, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Error("the rivals could not be installed; without them: npm run bench -- --quick");
}

/** A rival in Python, if one of these programs has its module. */
function inPython(module: string, pythons: readonly string[], contender: Contender): Contender[] {
  for (const python of pythons) {
    try {
      const ask = ["-c", `import numpy, ${module}; print(${module}.__version__)`];
      const version = execFileSync(python, ask, { stdio: ["ignore", "pipe", "ignore"] });
      const [, ...words] = contender.command;
      return [{ ...contender, version: String(version).trim(), command: [python, ...words] }];
    } catch {} // the next one may have it
  }
  console.error(`bench: no ${module} here; set PYTHON to a python that has it`);
  return [];
}

/** All rivals that can run here. */
export function rivals(): Contender[] {
  const { PYTHON = "python3" } = process.env;
  const installed = RIVALS.map(([name, contender]) => {
    const { version } = JSON.parse(readFileSync(manifest(name), "utf8"));
    return { ...contender, version };
  });
  return [
    ...installed,
    ...inPython("numpy", [PYTHON], {
      ...rival("numpy", "numpy's loop f64 (native)", ""),
      precision: "f64",
      works: all,
      command: ["python", `${FOLDER}/numpy_loop.py`],
    }),
    ...inPython("torch", [PYTHON, "/usr/bin/python3"], {
      ...rival("torch", "PyTorch f32 (native)", ""),
      ...lines,
      command: ["python", `${FOLDER}/torch_language.py`],
    }),
  ];
}
