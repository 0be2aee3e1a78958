import { FeatureError } from "../errors.js";
import { checkObject, describe } from "../tensor.js";
import * as full from "./engine.js";
import type { WasmSource } from "./instance.js";
import type { WasmBytes, WasmModule, WasmResponse } from "./webassembly.js";

/** Options of `createEngine` of `recurra/slim`. */
export interface SlimEngineOptions extends Omit<full.EngineOptions, "wasm" | "relaxed"> {
  /**
   * The full build of the kernels, `recurra/kernels.wasm`, or, to fuse products and sums, `recurra/kernels.relaxed.wasm`: a
   * `WebAssembly.Module`, bytes, a `Response` or a URL, which is fetched, or read where Node gets one of a file.
   */
  wasm: WasmSource | string | { readonly href: string };
}

/** Options of `createEngineSync` of `recurra/slim`. */
export interface SlimSyncOptions extends Omit<SlimEngineOptions, "wasm"> {
  /** The full build of the kernels: a `WebAssembly.Module` or bytes. */
  wasm: WasmModule | WasmBytes;
}

function checkWasm(where: string, options: SlimEngineOptions | SlimSyncOptions): void {
  checkObject(where, "options", options);
  if (options.wasm !== undefined) return;
  throw new TypeError(
    `${where}: wasm: expected a build of the kernels, which recurra/slim does not hold, got undefined`,
  );
}

/**
 * Makes an engine of kernels that the caller brings.
 *
 * @throws {FeatureError} if the host has no WebAssembly SIMD, refuses to compile, or cannot read the URL
 * @throws {TypeError} if an option is missing, unknown or of the wrong kind, or `wasm` is no build of the kernels
 * @throws {RangeError} if `maximumBytes` is out of range
 * @throws {EngineMemoryError} if the host refuses the memory of one more engine
 */
export async function createEngine(options: SlimEngineOptions): Promise<full.Engine> {
  checkWasm("createEngine", options);
  const { wasm } = options;
  const url = typeof wasm === "string" ? wasm : (wasm as { href?: unknown } | null)?.href;
  return full.createEngine({
    ...options,
    wasm: typeof url === "string" ? await read("createEngine: wasm", url) : (wasm as WasmSource),
  });
}

/** As `createEngine`, but synchronous. */
export function createEngineSync(options: SlimSyncOptions): full.Engine {
  checkWasm("createEngineSync", options);
  return full.createEngineSync(options);
}

/** What reads a URL, where the host has it. */
interface Readers {
  readonly fetch?: (url: string) => Promise<WasmResponse>;
  readonly process?: {
    getBuiltinModule?(name: "node:fs"): { readFileSync(path: unknown): WasmBytes };
  };
  readonly URL?: new (url: string) => object;
}

/** Node's fetch knows no files. */
async function read(where: string, url: string): Promise<WasmResponse | WasmBytes> {
  const { fetch, process, URL } = globalThis as unknown as Readers;
  if (/^file:/i.test(url) && URL !== undefined) {
    const files = process?.getBuiltinModule?.("node:fs");
    if (files !== undefined) return files.readFileSync(new URL(url));
  }
  if (fetch === undefined) {
    throw new FeatureError(
      `${where}: this host has no fetch: pass the bytes, got ${describe(url)}`,
    );
  }
  return fetch(url);
}
