import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";

/** From the root of the repository, where tests and the bench run. */
const SCRIPT = "scripts/redis.mjs";

/** A Redis of the test's own, with a folder of its own: append-only file on, nothing evicted. */
export class TestRedis {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(program: string, port: number, folder: string) {
    this.#program = program;
    this.port = port;
    this.#folder = folder;
  }

  static async start(): Promise<TestRedis> {
    const program = execFileSync(process.execPath, [SCRIPT], { encoding: "utf8" }).trim();
    const folder = await mkdtemp(join(tmpdir(), "recurra-redis-"));
    const redis = new TestRedis(program, await freePort(), folder);
    await redis.resume();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Leaves its connections open and answers nothing, until `resume`. */
  async freeze(): Promise<void> {
    this.#process?.kill("SIGSTOP");
  }

  /** Starts it again, with what it has on disk; or goes on after `freeze`. */
  async resume(): Promise<void> {
    if (this.#process !== undefined) {
      this.#process.kill("SIGCONT");
      return;
    }
    const options = {
      port: this.port,
      bind: "127.0.0.1",
      dir: this.#folder,
      appendonly: "yes",
      "maxmemory-policy": "noeviction",
      save: "",
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#process = spawn(this.#program, words, { stdio: "ignore" });
    const client = new Redis(this.port, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on("error", () => undefined);
    // PONG comes once the append-only file is read.
    for (;;) {
      const answer = await client.ping().catch(() => "");
      if (answer === "PONG") break;
      await wait(20);
    }
    client.disconnect();
  }

  /** Ends it: by default at once, as a crash does. */
  async halt(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  /** Ends it and deletes its folder. */
  async stop(): Promise<void> {
    await this.halt();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
