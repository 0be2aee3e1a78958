// A contender's process, seen from the bench. It stays up from case to case.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Contender } from "../contenders.js";
import type { Job, Reply, Request } from "./protocol.js";

/** The environment of all contenders. Memory that was freed is kept, since a fresh page costs microseconds. */
export const environment: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: "33554432",
  MALLOC_TRIM_THRESHOLD_: "8000000000",
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
  MKL_NUM_THREADS: "1",
};

export type Success = Extract<Reply, { ok: true }>;

export class ContenderProcess {
  readonly #child: ChildProcess;
  #waiting: { resolve(reply: Success): void; reject(error: Error): void } | undefined;
  #stderr = "";
  #jobs = 0;

  constructor(contender: Pick<Contender, "command">) {
    const [command, ...words] = contender.command;
    this.#child = spawn(command, words, {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.#child.stderr?.on("data", (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-2000);
    });
    createInterface({ input: this.#child.stdio[3] as Readable }).on("line", (line) => {
      const reply: Reply = JSON.parse(line);
      if (reply.ok) this.#waiting?.resolve(reply);
      else this.#waiting?.reject(new Error(reply.error));
    });
    const end = (): void =>
      this.#waiting?.reject(new Error(`the process ended: ${this.#stderr.trim()}`));
    this.#child.on("error", end).on("exit", end);
    this.#child.stdin?.on("error", end);
  }

  async prepare(job: Job, warm: number): Promise<{ id: number; first: Success }> {
    const id = this.#jobs++;
    return { id, first: await this.#ask({ do: "prepare", id, job, warm }) };
  }

  sample(id: number, milliseconds: number): Promise<Success> {
    return this.#ask({ do: "sample", id, milliseconds });
  }

  async release(id: number): Promise<void> {
    await this.#ask({ do: "release", id });
  }

  end(): void {
    this.#child.stdin?.end();
  }

  #ask(request: Request): Promise<Success> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) reject(new Error(`the process ended: ${this.#stderr}`));
      this.#waiting = { resolve, reject };
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }
}
