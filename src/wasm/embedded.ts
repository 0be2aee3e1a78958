import { FeatureError } from "../errors.js";
import type { Precision } from "./abi.js";
import { decode, fuse } from "./bytes.js";
import { compileRefused, type WasmBytes, type WasmModule, webAssembly } from "./webassembly.js";

/**
 * A module that travels with the package, as `build/embedded/NAME.js` exports it: text inside the JavaScript, or a compiled
 * module where a host (Cloudflare's workerd, Next.js' edge) compiles no bytes, but imports `.wasm` files with the program.
 * In `recurra/slim` it is empty. Only this file knows the difference.
 */
export type Embedded = string | WasmModule;

/** The bytes or the module, for a binder that compiles by itself. */
export const unpack = (source: Embedded): WasmBytes | WasmModule =>
  typeof source === "string" ? decode(source) : source;

/** A set of kernels: a module over an engine's memory. */
export interface KernelSet {
  readonly source: Embedded;
  /** What makes it the relaxed build of the set (src/wasm/bytes.ts); absent if the two are the same. */
  readonly fusions?: string;
  /** The kernels of the full build that are the set's; absent if the full build lacks them. */
  readonly precision?: Precision;
  /** The exact build and the relaxed one, each compiled once for all engines. */
  exact?: WasmModule;
  relaxed?: WasmModule;
}

/** The module of a set, compiled at the first call. @throws {FeatureError} if the host refuses to compile */
export function openSet(where: string, set: KernelSet, isRelaxed = false): WasmModule {
  const { source, fusions } = set;
  if (typeof source !== "string") return source;
  const build = isRelaxed && fusions !== undefined ? "relaxed" : "exact";
  set[build] ??= compileText(where, source, build === "relaxed" ? fusions : undefined);
  return set[build];
}

function compileText(where: string, source: string, fusions: string | undefined): WasmModule {
  if (source === "")
    throw new FeatureError(`${where}: recurra/slim holds no kernels: ${PASS_WASM}`);
  const { Module } = webAssembly(where);
  const bytes = decode(source);
  if (fusions !== undefined) fuse(bytes, decode(fusions));
  try {
    return new Module(bytes);
  } catch (cause) {
    // Chrome before 115 compiles no more than 4 KiB at once on a page's main thread.
    if (!(cause instanceof RangeError)) throw compileRefused(where, cause);
    throw new FeatureError(
      `${where}: this host compiles no more WebAssembly at once: ${PASS_WASM}, or run in a worker; the host says: ${String(cause)}`,
      { cause },
    );
  }
}

const PASS_WASM = 'pass createEngine({ wasm }), as fetch("kernels.wasm")';
