import { FeatureError } from "../errors.js";
import type { UrlLike } from "../host.js";
import { workerThreads } from "./host.js";
import type { WorkerLike } from "./worker_port.js";

// The script of a worker, pool_worker.js, stands beside the file that holds this code, in dist/esm and in dist/cjs. The
// script must not import this file: bundlers would look for the worker's worker.

declare const __filename: string;
declare const URL: new (address: string, base: string) => UrlLike;
declare const Worker: new (script: UrlLike, options: { type: "module" }) => WorkerLike;

/** Starts a worker. */
export function spawn(): WorkerLike {
  const threads = workerThreads();
  if (threads !== undefined) return new threads.Worker(script(), workerOptions());
  if ((globalThis as { Worker?: unknown }).Worker !== undefined) return spawnWeb();
  throw new FeatureError(
    "createPool: this host has no workers (Node has them from 20.16 on): use loadLanguageModel, or pass { worker: () => new Worker(…) }",
  );
}

/** Node gives a worker its own options, and refuses to run a file with that of a program on the command line. */
function workerOptions(): { execArgv?: string[] } {
  const { process } = globalThis as { process?: { execArgv?: readonly string[] } };
  const isInput = process?.execArgv?.some((option) => option.startsWith("--input-type"));
  return isInput === true ? { execArgv: [] } : {};
}

/** The script's place for `worker_threads`, without the words by which bundlers find it: it would be there twice. */
function script(): UrlLike | string {
  const name = "pool_worker.js";
  // A CommonJS file has no import.meta.url.
  const { url } = import.meta as { readonly url?: string };
  return url === undefined ? __filename.replace(/[^/\\]*$/, name) : new URL(name, url);
}

/** Starts a web worker, in the words by which Vite, webpack, rspack and Parcel find its script. */
function spawnWeb(): WorkerLike {
  return new Worker(new URL("./pool_worker.js", (import.meta as { url: string }).url), {
    type: "module",
  });
}
