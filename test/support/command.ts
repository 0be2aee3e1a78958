import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeSafetensors, readSafetensors, writeModel } from "../../src/formats/safetensors.js";
import { createEngineSync, loadLanguageModel, type Score } from "../../src/index.js";
import { torchFile } from "./fixtures.js";
import { root, temporaryFolder } from "./project.js";

export const command = `${root}dist/cli.js`;

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command. */
export function recurra(
  args: readonly string[],
  input: string | Uint8Array = "",
  cwd = root,
): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd,
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

/** Runs the built command behind a few lines of JavaScript, which change what the process stands on. */
export function preloaded(script: string, args: readonly string[], cwd: string): Said {
  const loading = `data:text/javascript,${encodeURIComponent(script)}`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", loading, command, ...args],
    { cwd, encoding: "utf8", maxBuffer: 2 ** 28 },
  );
  return { status, stdout, stderr };
}

/** Runs a line of shell, in which $recurra is the built command. */
export function shell(line: string, cwd: string): Said {
  const env = { ...process.env, recurra: `${process.execPath} ${command}` };
  const { status, stdout, stderr } = spawnSync("bash", ["-c", line], {
    cwd,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** A running command: what it has said so far, and how it ends. */
export class Running {
  readonly process: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Said>;

  constructor(args: readonly string[], cwd = root) {
    this.process = spawn(process.execPath, [command, ...args], { cwd });
    this.process.stdin.on("error", () => {});
    this.process.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.process.on("close", (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until so many lines have been printed. */
  async lines(count: number): Promise<void> {
    while (this.stdout.split("\n").length <= count) {
      await new Promise((resolve) => this.process.stdout.once("data", resolve));
    }
  }
}

/** What the seven tokens of the model are called. */
export const VOCABULARY = { a: 0, b: 1, c: 2, d: 3, " ": 4, '"': 5, é: 6 };

/** A model of PyTorch's in a file that states its architecture: nothing is assumed of it, which would be printed on stderr. */
const stated = (name: string): Uint8Array =>
  writeModel({ ...describeSafetensors(readSafetensors(torchFile(name))), assumptions: [] });

/** A folder with PyTorch's language model of test/fixtures and a vocabulary for it, and other files. */
export function modelFolder(others: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(others)) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, "model.safetensors"), torchFile("language"));
  writeFileSync(join(folder, "tied.safetensors"), stated("tied"));
  writeFileSync(join(folder, "vocabulary.json"), JSON.stringify(VOCABULARY));
  return folder;
}

/** What the package itself makes of texts. */
export async function scores(
  texts: readonly string[],
  precision: "f64" | "f32" = "f64",
  file = "tied",
): Promise<Score[]> {
  const engine = createEngineSync();
  const options = { vocabulary: VOCABULARY, precision };
  const model = await loadLanguageModel(engine, torchFile(file), options);
  const all = await model.score(texts);
  engine.dispose();
  return all;
}

export const read = (folder: string, name: string): Buffer => readFileSync(join(folder, name));
