import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** `recurra-server job …` in a process of its own. */
export class JobProcess {
  readonly child: ChildProcess;
  readonly #stdout: Promise<string>;
  readonly #stderr: Promise<string>;
  readonly #ended: Promise<unknown>;

  constructor(...words: readonly string[]) {
    this.child = spawn(process.execPath, [MAIN, "job", ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#stdout = text(this.child.stdout as NodeJS.ReadableStream);
    this.#stderr = text(this.child.stderr as NodeJS.ReadableStream);
    this.#ended = once(this.child, "close");
  }

  async end(): Promise<Ended> {
    await this.#ended;
    const [stdout, stderr] = await Promise.all([this.#stdout, this.#stderr]);
    return { code: this.child.exitCode, stdout, stderr };
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.child.kill(signal);
    await this.#ended;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
