import { decodeBase64 } from "./bytes.js";
import { compileRefused, type WasmBytes, type WasmModule, webAssembly } from "./webassembly.js";

/**
 * A module that travels with the package, as `build/embedded/NAME.js` exports it: text inside the JavaScript, or a compiled
 * module where a host (Cloudflare's workerd, Next.js' edge) compiles no bytes, but imports `.wasm` files with the program.
 * Only this file knows the difference.
 */
export type Embedded = string | WasmModule;

/** The bytes or the module, for a binder that compiles by itself. */
export const unpack = (source: Embedded): WasmBytes | WasmModule =>
  typeof source === "string" ? decodeBase64(source) : source;

/** Modules compiled from text. */
const compiled = new Map<string, WasmModule>();

/** The module of `source`, compiled at the first call. @throws {FeatureError} if the host refuses to compile */
export function openEmbedded(where: string, source: Embedded): WasmModule {
  if (typeof source !== "string") return source;
  let module = compiled.get(source);
  if (module === undefined) {
    const { Module } = webAssembly(where);
    try {
      module = new Module(decodeBase64(source));
    } catch (cause) {
      throw compileRefused(where, cause);
    }
    compiled.set(source, module);
  }
  return module;
}

/** As `openEmbedded`, but compiles off the main thread if the host can. */
export async function compileEmbedded(where: string, source: Embedded): Promise<WasmModule> {
  if (typeof source !== "string") return source;
  let module = compiled.get(source);
  if (module === undefined) {
    try {
      module = await webAssembly(where).compile(decodeBase64(source));
    } catch (cause) {
      throw compileRefused(where, cause);
    }
    compiled.set(source, module);
  }
  return module;
}
