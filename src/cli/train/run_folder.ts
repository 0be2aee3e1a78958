import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FitReport } from "../../train.js";
import { fileFault, InputError, UsageError } from "../faults.js";
import { parseJson } from "../model.js";
import { replaceFile } from "../replace_file.js";
import type { Settings } from "./settings.js";

/** The files of a run. */
const [SETTINGS, HISTORY, CHECKPOINT, RESULT] = [
  "settings.json",
  "history.jsonl",
  "checkpoint.safetensors",
  "result.json",
];

/** A step in the history. */
export interface HistoryLine {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly validation?: number;
}

/** What a run gave. */
export interface Result {
  readonly steps: number;
  readonly validation: number;
  readonly heldOut: string;
}

/** The differences of two objects of settings, as paths. */
function* differences(a: unknown, b: unknown, path = ""): Generator<[string, unknown, unknown]> {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      yield* differences(a[key], b[key], path === "" ? key : `${path}.${key}`);
    }
  } else if (JSON.stringify(a) !== JSON.stringify(b)) yield [path, a, b];
}

/** The folder of a run: its settings, the loss of each step, and the last checkpoint. */
export class RunFolder {
  readonly path: string;
  /** Lines that are not in the file yet. */
  #lines: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  #file(name: string): string {
    return join(this.path, name);
  }

  get #hasCheckpoint(): boolean {
    return existsSync(this.#file(CHECKPOINT));
  }

  get isFinished(): boolean {
    return existsSync(this.#file(RESULT));
  }

  /** Makes the folder of a new run. @throws {UsageError} if it holds one that is not finished */
  begin(settings: Settings, overwrite: boolean): void {
    if (this.#hasCheckpoint && !this.isFinished && !overwrite) {
      throw new UsageError(
        `${this.path}: there is a run that is not finished: pass --resume to go on with it, or --overwrite to begin anew`,
      );
    }
    this.#within(() => {
      mkdirSync(this.path, { recursive: true });
      // The checkpoint goes first: without it nobody resumes with what is left.
      for (const name of [CHECKPOINT, RESULT, HISTORY]) rmSync(this.#file(name), { force: true });
      replaceFile(this.#file(SETTINGS), `${JSON.stringify(settings, null, 2)}\n`);
      writeFileSync(this.#file(HISTORY), "");
    });
  }

  /**
   * The last checkpoint of a run with the same settings; undefined if it has none yet.
   *
   * @throws {InputError | UsageError} if there is no run, or one with other settings
   */
  async resume(settings: Settings): Promise<Uint8Array | undefined> {
    const old = await this.settings();
    const [first] = [...differences(old, JSON.parse(JSON.stringify(settings)))];
    if (first !== undefined) {
      const [name, was, is] = first;
      throw new UsageError(
        `--resume: ${this.path} is a run with ${name} ${JSON.stringify(was)}, got ${JSON.stringify(is)}: pass the options of its first command`,
      );
    }
    return this.#hasCheckpoint ? readFileSync(this.#file(CHECKPOINT)) : undefined;
  }

  async settings(): Promise<Settings> {
    const file = this.#file(SETTINGS);
    if (!existsSync(file)) {
      throw new InputError(`${this.path}: expected the folder of a run, with a settings.json`);
    }
    const found = parseJson(file, await readFile(file)) as Settings;
    if (found.version === 1) return found;
    throw new InputError(`${file}: expected version 1, got ${String(found.version)}`);
  }

  /** Keeps the history up to a step: a run that was killed may have written more. */
  keepHistory(steps: number): void {
    const file = this.#file(HISTORY);
    this.#within(() => {
      const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
      let end = 0;
      for (let line = 0; line < steps; line++) {
        const next = bytes.indexOf(10, end);
        if (next < 0) {
          throw new InputError(`${file}: expected ${steps} lines, one a step, got ${line}`);
        }
        end = next + 1;
      }
      if (existsSync(file)) truncateSync(file, end);
    });
  }

  /** Adds a step to the history. */
  add({ step, epoch, loss, gradientNorm, learningRate, validation }: FitReport): void {
    const line: HistoryLine = {
      step,
      epoch,
      loss,
      gradientNorm,
      learningRate,
      ...(validation === undefined ? {} : { validation }),
    };
    this.#lines.push(`${JSON.stringify(line)}\n`);
  }

  /** Writes the steps that were added. */
  flush(): void {
    const text = this.#lines.join("");
    this.#lines = [];
    if (text !== "") this.#within(() => appendFileSync(this.#file(HISTORY), text));
  }

  /** Writes a checkpoint. The history is complete up to it, whenever the process is killed. */
  save(checkpoint: Uint8Array): void {
    this.flush();
    this.#within(() => replaceFile(this.#file(CHECKPOINT), checkpoint));
  }

  finish(result: Result): void {
    this.#within(() => replaceFile(this.#file(RESULT), `${JSON.stringify(result, null, 2)}\n`));
  }

  async history(): Promise<HistoryLine[]> {
    const file = this.#file(HISTORY);
    const text = existsSync(file) ? await readFile(file, "utf8") : "";
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line, i) => {
        try {
          return JSON.parse(line) as HistoryLine;
        } catch {
          throw new InputError(`${file}:${i + 1}: expected JSON`);
        }
      });
  }

  async result(): Promise<Result | undefined> {
    const file = this.#file(RESULT);
    return existsSync(file) ? (parseJson(file, await readFile(file)) as Result) : undefined;
  }

  #within(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw fileFault(this.path, error);
    }
  }
}
