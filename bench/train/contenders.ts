import { execFileSync } from "node:child_process";
import { type Command, node } from "../contenders.js";
import { versionOf } from "../rivals/modules.js";

export interface Contender {
  readonly id: string;
  readonly title: string;
  /** How far its losses may be from the first contender's, relative; undefined if it computes something else. */
  readonly tolerance?: number;

  readonly command: Command;
  readonly version?: string;
}

const F64 = 1e-10;
const F32 = 1e-3;

/** The first one gives the right losses: plain loops, which share nothing with the kernels. */
const plain: Contender = {
  id: "plain",
  title: "plain JavaScript f64",
  tolerance: F64,
  command: node("train/plain"),
};

const ceiling: Contender = {
  id: "ceiling",
  title: "the ceiling of f64 in wasm, products alone",
  command: node("ours/ceiling f64"),
};

export const ours: readonly Contender[] = [
  plain,
  { id: "f64", title: "Recurra f64", tolerance: F64, command: node("train/ours") },
  {
    id: "relaxed",
    title: "Recurra f64, relaxed build",
    tolerance: F64,
    command: node("train/ours relaxed"),
  },
  { id: "f32", title: "Recurra f32", tolerance: F32, command: node("train/ours f32") },
  ceiling,
];

/** numpy, if one of these programs has it. */
function numpy(): Contender[] {
  for (const python of [process.env.PYTHON ?? "python3", "/usr/bin/python3"]) {
    try {
      const ask = ["-c", "import numpy; print(numpy.__version__)"];
      const version = execFileSync(python, ask, { stdio: ["ignore", "pipe", "ignore"] });
      return [
        {
          id: "numpy",
          title: "numpy's loop f64 (native)",
          tolerance: F64,
          command: [python, "bench/train/numpy_train.py"],
          version: String(version).trim(),
        },
      ];
    } catch {} // the next one may have it
  }
  console.error("bench: no numpy here; set PYTHON to a python that has it");
  return [];
}

export const rivals = (): Contender[] => [
  ...numpy(),
  {
    id: "tfwasm",
    title: "TensorFlow.js wasm f32",
    tolerance: F32,
    command: node("train/tensorflow wasm"),
    version: versionOf("@tensorflow/tfjs-backend-wasm"),
  },
  {
    id: "tfcpu",
    title: "TensorFlow.js cpu f32",
    tolerance: F32,
    command: node("train/tensorflow cpu"),
    version: versionOf("@tensorflow/tfjs"),
  },
  {
    id: "brain",
    title: "brain.js f32, one sequence at a time",
    command: node("train/brain"),
    version: versionOf("brain.js"),
  },
];
