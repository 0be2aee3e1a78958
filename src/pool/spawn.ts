import { FeatureError } from "../errors.js";
import type { UrlLike } from "../host.js";
import { builtin, workerThreads } from "./host.js";
import type { WorkerLike } from "./worker_port.js";

// The script of a worker, pool_worker.js, stands beside the file that holds this code, in dist/esm and in dist/cjs. The
// script must not import this file: bundlers would look for the worker's worker.

declare const __filename: string;
declare const URL: new (address: string, base?: string) => UrlLike;
declare const Worker: new (script: UrlLike, options: { type: "module" }) => WorkerLike;

/** Starts a worker. */
export function spawn(): WorkerLike {
  const threads = workerThreads();
  if (threads !== undefined) return new threads.Worker(beside("pool_worker.js"), workerOptions());
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

/**
 * Starts a worker for graphs. Its script stands in its address: as a file of its own it would be in the bundle of every page that
 * scores texts.
 */
export function spawnForGraphs(): WorkerLike {
  const threads = workerThreads();
  if (threads === undefined) {
    throw new FeatureError(
      "createGraphPool: a bundler finds no script for it: pass { worker: () => new Worker(…) } with a script that calls serveGraphs(openGraph)",
    );
  }
  const [pool, onnx] = ["pool.js", "onnx.js"].map((name) => JSON.stringify(beside(name).href));
  // A CommonJS module is the default of its names.
  const text = `import * as pool from ${pool}; import * as onnx from ${onnx};
(pool.default ?? pool).serveGraphs((onnx.default ?? onnx).openGraph);`;
  const address = `data:text/javascript,${encodeURIComponent(text)}`;
  return new threads.Worker(new URL(address), workerOptions());
}

/** The address of a file beside this one, without the words by which bundlers find a worker's script: it would be there twice. */
function beside(name: string): UrlLike {
  const { url } = import.meta as { readonly url?: string };
  if (url !== undefined) return new URL(name, url);
  // A CommonJS file has no import.meta.url.
  const { pathToFileURL } = builtin("url") as { pathToFileURL(path: string): UrlLike };
  return pathToFileURL(__filename.replace(/[^/\\]*$/, name));
}

/** Starts a web worker, in the words by which Vite, webpack, rspack and Parcel find its script. */
function spawnWeb(): WorkerLike {
  return new Worker(new URL("./pool_worker.js", (import.meta as { url: string }).url), {
    type: "module",
  });
}
