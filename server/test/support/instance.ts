import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** A service in a process of its own. */
export class Instance {
  readonly child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
  }

  /** Starts one at a free port; resolves when it listens. */
  static async start(...words: readonly string[]): Promise<Instance> {
    const child = spawn(process.execPath, [MAIN, "--port", "0", ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const [, url] = /"msg":"Server listening at (http:[^"]+)"/.exec(line) ?? [];
      if (url === undefined) continue;
      // What is logged later must not fill the pipe.
      child.stdout?.resume();
      return new Instance(child, url);
    }
    throw new Error(`the service ended with ${child.exitCode ?? child.signalCode}`);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
  }
}
