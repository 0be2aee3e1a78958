// A service in a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** How long a service may take until it listens: milliseconds. */
const START_MS = 60_000;

export class Service {
  readonly process: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.process = child;
    this.url = url;
  }

  /** Starts a script that prints a line of JSON with its `port`, among others. */
  static async start(script: string, words: readonly string[] = []): Promise<Service> {
    const child = spawn(process.execPath, [script, ...words], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    for await (const line of lines) {
      const port = portIn(line);
      if (port === undefined) continue;
      clearTimeout(timer);
      // What is logged later must not fill the pipe.
      child.stdout?.resume();
      return new Service(child, `http://127.0.0.1:${port}`);
    }
    throw new Error(`${script} ended before it listened`);
  }

  /** Bytes of memory that it has, and that it had at most. */
  memory(): { now: number; most: number } {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
    return { now: 1024 * kilobytes("VmRSS"), most: 1024 * kilobytes("VmHWM") };
  }

  /** Microseconds of processor that its first thread, which speaks HTTP, and all of its threads have had. */
  cpu(): { first: number; all: number } {
    const folder = `/proc/${this.process.pid}/task`;
    let [first, all] = [0, 0];
    for (const thread of readdirSync(folder)) {
      const spent = timeOf(`${folder}/${thread}/schedstat`);
      all += spent;
      if (Number(thread) === this.process.pid) first = spent;
    }
    return { first, all };
  }

  /** The value of a metric of ours, summed over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const values = text.split("\n").filter((line) => new RegExp(`^${name}[{ ]`).test(line));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    await ended;
  }
}

/** The port in a line of a log, or of our own. */
function portIn(line: string): number | undefined {
  try {
    const found = JSON.parse(line) as { port?: unknown; msg?: unknown };
    if (typeof found.port === "number") return found.port;
    const [, port] =
      /:(\d+)\b/.exec(/listening/i.test(String(found.msg)) ? String(found.msg) : "") ?? [];
    return port === undefined ? undefined : Number(port);
  } catch {
    return undefined;
  }
}

/** Microseconds on a processor; 0 for a thread that has ended meanwhile. */
function timeOf(path: string): number {
  try {
    return Number(readFileSync(path, "utf8").split(" ")[0]) / 1000;
  } catch {
    return 0;
  }
}
