import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelOf } from "../../src/jobs/job_model.js";
import type { JobRequest } from "../../src/jobs/outline.js";
import type { JobModel } from "../../src/jobs/plan.js";

const shakespeare = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/shakespeare/${name}`, import.meta.url));

export const MODEL = shakespeare("model.safetensors");
export const VOCABULARY = shakespeare("vocab.json");

/** The lines of the fixture that hold something. */
export async function textLines(count: number): Promise<string[]> {
  const text = await readFile(shakespeare("text.txt"), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .slice(0, count);
}

let opened: Promise<JobModel> | undefined;

/** Shakespeare's model, opened once. */
export function jobModel(): Promise<JobModel> {
  opened ??= modelOf(MODEL, { precision: "f64", vocabulary: VOCABULARY });
  return opened;
}

/** A folder of a test. */
export class JobFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async open(): Promise<JobFolder> {
    return new JobFolder(await mkdtemp(join(tmpdir(), "recurra-job-")));
  }

  /** Writes a file; returns its path. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.path, name);
    await writeFile(path, content);
    return path;
  }

  /** The text of a file. */
  read(name: string): Promise<string> {
    return readFile(join(this.path, name), "utf8");
  }

  /** The lines of a file of JSON lines. */
  async lines(name: string): Promise<Record<string, unknown>[]> {
    const text = await this.read(name);
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** A request with usual options. */
  async request(inputs: readonly string[], output: string, more: Partial<JobRequest> = {}) {
    const folder = join(this.path, output);
    const request: JobRequest = {
      model: await jobModel(),
      inputs,
      folder,
      perToken: false,
      output: "jsonl",
      ...more,
    };
    return request;
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
