import type { UrlLike } from "../host.js";

/** Node's module `worker_threads`, as far as it is used here. */
export interface WorkerThreads {
  readonly Worker: new (
    script: UrlLike | string,
    options: { execArgv?: string[] },
  ) => { postMessage(message: unknown): void; terminate(): Promise<number> };
  /** The other end of a worker: null on the main thread. */
  readonly parentPort: {
    on(name: "message", listener: (data: unknown) => void): void;
    postMessage(message: unknown, transferred: readonly ArrayBuffer[]): void;
  } | null;
}

interface HostProcess {
  readonly type?: string;
  getBuiltinModule?(name: string): unknown;
}

/** A module that Node, Deno or Bun brings. Undefined in a browser, also in that of Electron. */
export function builtin(name: string): unknown {
  const { process } = globalThis as { process?: HostProcess };
  return process?.type === "renderer" ? undefined : process?.getBuiltinModule?.(`node:${name}`);
}

export const workerThreads = (): WorkerThreads | undefined =>
  builtin("worker_threads") as WorkerThreads | undefined;

/** The number of workers that keep all cores of this machine busy. */
export function coreCount(): number {
  const os = builtin("os") as { availableParallelism?(): number } | undefined;
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return os?.availableParallelism?.() ?? navigator?.hardwareConcurrency ?? 1;
}
