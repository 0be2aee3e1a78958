import { fingerprint } from "../../build/embedded/abi.js";
import { source as probe } from "../../build/embedded/probe.js";
import { FeatureError } from "../errors.js";
import { describe } from "../tensor.js";
import type { Kernels, TwinKernels } from "./abi.js";
import type { Arena } from "./arena.js";
import {
  compileFailed,
  instantiated,
  isModule,
  type WasmBytes,
  type WasmModule,
  type WasmResponse,
  webAssembly,
} from "./webassembly.js";

export type { WasmBytes, WasmModule, WasmResponse };

/** A source of the full build of the kernels: bytes, a `WebAssembly.Module`, or a `Response` (`fetch(…)`). */
export type WasmSource = WasmBytes | WasmModule | WasmResponse | Promise<WasmResponse>;

/** A module with one SIMD instruction, a splat. Hosts without SIMD refuse it. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** Whether the kernels are compiled here. If not, the host imported them as modules, and this one with them. */
const COMPILES = typeof probe === "string";

let simd: boolean | undefined;

/** Throws a `FeatureError` if the host cannot run the kernels, or cannot compile those of the package where none are given. */
export function checkHost(where: string, wasm: WasmSource | undefined): void {
  simd ??= webAssembly(where).validate(SIMD_PROBE);
  if (!simd) {
    throw new FeatureError(
      `${where}: this host has no WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it)`,
    );
  }
  if (wasm !== undefined || !COMPILES) return;
  const { Module, Instance } = webAssembly(where);
  // A host that refuses this one refuses the kernels, too.
  instantiated(where, () => new Instance(new Module(SIMD_PROBE), {}));
}

/** A module with one relaxed SIMD instruction, a swizzle. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
);

/** Whether the host has relaxed SIMD, and compiles the relaxed build: modules that come compiled are exact. */
export function hasRelaxed(where: string): boolean {
  return COMPILES && webAssembly(where).validate(RELAXED_PROBE);
}

const tagOf = (source: unknown): string =>
  typeof source === "object" ? Object.prototype.toString.call(source).slice(8, -1) : "";

/** By tag, because `instanceof` fails for objects of another realm (a test runner's sandbox, an iframe). */
const isResponse = (source: unknown): source is WasmResponse => tagOf(source) === "Response";

const isBytes = (source: unknown): source is WasmBytes =>
  ArrayBuffer.isView(source) || tagOf(source) === "ArrayBuffer";

/** V8 does not compile a DataView, although it holds bytes (Node 20, 2026). */
function bytesOf(source: WasmBytes): WasmBytes {
  if (!ArrayBuffer.isView(source)) return source;
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}

/** Compiles `source` synchronously. */
export function compileSync(where: string, source: WasmSource): WasmModule {
  if (isModule(source)) return source;
  if (!isBytes(source)) {
    throw new TypeError(
      `${where}: wasm: expected bytes or a WebAssembly.Module, got ${describe(source)}`,
    );
  }
  const { Module } = webAssembly(where);
  const bytes = bytesOf(source);
  try {
    return new Module(bytes);
  } catch (cause) {
    throw compileFailed(where, bytes, cause);
  }
}

/** Compiles `source`, off the main thread if the host can. */
export async function compile(where: string, source: WasmSource): Promise<WasmModule> {
  const given = await source;
  if (!isBytes(given) && !isResponse(given)) return compileSync(where, given);
  const bytes = isBytes(given) ? bytesOf(given) : await receive(where, given);
  try {
    return await webAssembly(where).compile(bytes);
  } catch (cause) {
    throw compileFailed(where, bytes, cause);
  }
}

/** The bytes of a response. They are not compiled as they arrive: they are few, and a refusal is explained by them. */
async function receive(where: string, response: WasmResponse): Promise<ArrayBuffer> {
  if (!response.ok) {
    throw new TypeError(
      `${where}: wasm: the response for ${response.url} has status ${response.status}`,
    );
  }
  try {
    return await response.arrayBuffer();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${where}: wasm: expected bytes, but reading them failed: ${why}`, {
      cause,
    });
  }
}

/** The kernels of the full build: all in f64, those of the forward pass in f32 too. */
export interface FullKernels {
  readonly f64: Kernels;
  readonly f32: TwinKernels;
}

/** The functions of a module, each with its number of parameters, as one number. scripts/embed.mjs takes that of the build. */
function fingerprintOf(exports: Readonly<Record<string, { readonly length: number }>>): number {
  let hash = 0;
  for (const name of Object.keys(exports).sort()) {
    for (const letter of `${name} ${exports[name]?.length}`) {
      hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
    }
  }
  return hash;
}

/** Checks that `module` is the full build of the kernels, and binds it to the memory of `arena`. */
export function bindFull(where: string, module: WasmModule, arena: Arena): FullKernels {
  const offered = webAssembly(where).Module.exports(module);
  if (!offered.some(({ name }) => name === "heap_base")) {
    throw wrongBuild(where, "has no function heap_base");
  }
  const exports = arena.instantiate(where, module) as Record<string, () => unknown>;
  if (fingerprintOf(exports) !== fingerprint) {
    throw wrongBuild(where, "has other functions: take the file of this version");
  }
  const single: Record<string, unknown> = {};
  for (const [name, kernel] of Object.entries(exports)) {
    if (name.endsWith("_f32")) single[name.slice(0, -"_f32".length)] = kernel;
  }
  return { f64: exports as unknown as Kernels, f32: single as unknown as TwinKernels };
}

const wrongBuild = (where: string, why: string): TypeError =>
  new TypeError(
    `${where}: wasm: expected a build of this version's kernels, got a module that ${why}`,
  );
