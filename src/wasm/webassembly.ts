// WebAssembly as this package uses it. TypeScript's ES2022 library does not declare it, and the host may lack it: it is
// looked up when it is needed, not when the package is imported.
import { FeatureError } from "../errors.js";

/** A compiled module. The host's `WebAssembly.Module` fits. */
export interface WasmModule {
  readonly [Symbol.toStringTag]?: string;
}

/** The bytes of a module. */
export type WasmBytes = ArrayBuffer | ArrayBufferView;

/** A response that carries the bytes of a module: the part of the host's `Response` that is used. */
export interface WasmResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  /** The whole body. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Linear memory, not shared. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What a module exports, by name. */
export type WasmExports = Readonly<Record<string, unknown>>;

interface WebAssemblyHost {
  readonly Module: {
    new (bytes: WasmBytes): WasmModule;
    exports(module: WasmModule): { readonly name: string; readonly kind: string }[];
  };
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: WasmExports };
  readonly Memory: new (pages: { initial: number; maximum: number }) => WasmMemory;
  readonly RuntimeError: new () => Error;
  compile(bytes: WasmBytes): Promise<WasmModule>;
  validate(bytes: WasmBytes): boolean;
}

/** The host's WebAssembly. @throws {FeatureError} where it has none */
export function webAssembly(where: string): WebAssemblyHost {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyHost };
  if (typeof WebAssembly === "object") return WebAssembly;
  throw new FeatureError(
    `${where}: this host has no WebAssembly (browsers, Node, Bun, Deno and Cloudflare Workers have it; Safari's Lockdown Mode turns it off)`,
  );
}

/** Whether `value` is a compiled module. By tag, because `instanceof` fails for one of another realm. */
export const isModule = (value: unknown): value is WasmModule =>
  Object.prototype.toString.call(value) === "[object WebAssembly.Module]";

/** The error for a host that has WebAssembly and compiles no module. `cause` is what it threw. */
export function compileRefused(where: string, cause: unknown): FeatureError {
  return new FeatureError(
    `${where}: this host refuses to compile WebAssembly: in a page, allow 'wasm-unsafe-eval' in script-src of its Content-Security-Policy; on a host that compiles nothing at run time, bundle with the package condition workerd, which imports the .wasm files; the host says: ${String(cause)}`,
    { cause },
  );
}

/**
 * What `make` gives, which instantiates a compiled module. WebKit asks a page's policy only here, not when it compiles.
 *
 * @throws {FeatureError} if the host refuses
 */
export function instantiated<R>(where: string, make: () => R): R {
  try {
    return make();
  } catch (cause) {
    const isRefusal = cause instanceof Error && cause.name === "CompileError";
    throw isRefusal ? compileRefused(where, cause) : cause;
  }
}

/**
 * The error for bytes that were not compiled. If they are a module, the host refused it: by a page's policy, for example.
 */
export const compileFailed = (where: string, bytes: WasmBytes, cause: unknown): Error =>
  webAssembly(where).validate(bytes)
    ? compileRefused(where, cause)
    : new TypeError(`${where}: wasm: expected a WebAssembly module, got other bytes`, { cause });
