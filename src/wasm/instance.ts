import { instantiateSync } from "@assemblyscript/loader";
import { base64 } from "../../build/embedded/kernels.js";
import { FeatureError } from "../errors.js";
import { describe } from "../tensor.js";
import { ARITY, FORWARD_ARITY, type ForwardKernels, type Kernels } from "./abi.js";
import { decodeBase64 } from "./bytes.js";

/** A source of the kernels module. */
export type WasmSource = BufferSource | WebAssembly.Module | Response | Promise<Response>;

/** A module with one SIMD instruction, a splat. Hosts without SIMD refuse it. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

let simd: boolean | undefined;

/** Throws a `FeatureError` if the host cannot run the kernels. */
export function checkHost(where: string): void {
  if (typeof WebAssembly !== "object") {
    throw new FeatureError(`${where}: this host has no WebAssembly`);
  }
  simd ??= WebAssembly.validate(SIMD_PROBE);
  if (!simd) {
    throw new FeatureError(
      `${where}: this host has no WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it)`,
    );
  }
}

/** A module with one relaxed SIMD instruction, a swizzle. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
);

/** Whether the host has relaxed SIMD. */
export function hasRelaxed(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

/** The relaxed build. It is a chunk of its own, which is loaded on demand. */
export async function relaxedModule(): Promise<WebAssembly.Module> {
  const { base64 } = await import("../../build/embedded/kernels.relaxed.js");
  return WebAssembly.compile(decodeBase64(base64));
}

let embedded: WebAssembly.Module | undefined;

/** The module inside the JavaScript, compiled once. */
function embeddedModule(): WebAssembly.Module {
  embedded ??= new WebAssembly.Module(decodeBase64(base64));
  return embedded;
}

/** Compares tags, because `instanceof` fails for objects of another realm (a test runner's sandbox, an iframe). */
const isTagged = (source: unknown, tag: string): boolean =>
  typeof source === "object" && Object.prototype.toString.call(source) === `[object ${tag}]`;

const isResponse = (source: unknown): source is Response => isTagged(source, "Response");

const isBytes = (source: unknown): source is BufferSource =>
  ArrayBuffer.isView(source) || isTagged(source, "ArrayBuffer");

/** V8 does not compile a DataView, although it is a BufferSource (Node 20, 2026). */
function bytesOf(source: BufferSource): BufferSource {
  if (!ArrayBuffer.isView(source)) return source;
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}

/** Compiles `source` synchronously. */
export function compileSync(where: string, source: WasmSource | undefined): WebAssembly.Module {
  if (source === undefined) return embeddedModule();
  if (source instanceof WebAssembly.Module) return source;
  if (!isBytes(source)) {
    throw new TypeError(
      `${where}: wasm: expected bytes or a WebAssembly.Module, got ${describe(source)}`,
    );
  }
  try {
    return new WebAssembly.Module(bytesOf(source));
  } catch (cause) {
    throw notAModule(where, cause);
  }
}

/** Compiles `source`, off the main thread if the host can. A response is compiled while it arrives. */
export async function compile(
  where: string,
  source: WasmSource | undefined,
): Promise<WebAssembly.Module> {
  if (source === undefined) {
    embedded ??= await WebAssembly.compile(decodeBase64(base64));
    return embedded;
  }
  const given = await source;
  if (isBytes(given)) {
    const compiled = WebAssembly.compile(bytesOf(given));
    return compiled.catch((cause) => Promise.reject(notAModule(where, cause)));
  }
  if (!isResponse(given)) return compileSync(where, given);
  if (!given.ok) {
    throw new TypeError(`${where}: wasm: the response for ${given.url} has status ${given.status}`);
  }
  const streamed = given.headers.get("Content-Type")?.startsWith("application/wasm") ?? false;
  const compiled = streamed
    ? WebAssembly.compileStreaming(given)
    : given.arrayBuffer().then((bytes) => WebAssembly.compile(bytes));
  return compiled.catch((cause) => Promise.reject(notAModule(where, cause)));
}

const notAModule = (where: string, cause: unknown): TypeError =>
  new TypeError(`${where}: wasm: expected a WebAssembly module, got other bytes`, { cause });

/** The kernels of a module: all in f64, those of the forward pass in f32 too. */
export interface BoundKernels {
  readonly f64: Kernels;
  readonly f32: ForwardKernels;
}

/** Checks that `module` is a build of the kernels, and binds it to `memory`. */
export function bindKernels(
  where: string,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): BoundKernels {
  const offered = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  const expected = Object.entries(ARITY);
  for (const [name, arity] of Object.entries(FORWARD_ARITY)) expected.push([`${name}_f32`, arity]);
  const missing = expected.find(([name]) => offered.get(name) !== "function");
  if (missing !== undefined) throw wrongBuild(where, `has no function ${missing[0]}`);
  // The loader wraps its exports in functions that count arguments; these are the bare ones.
  const exports = instantiateSync(module, { env: { memory } }).instance.exports as Record<
    string,
    (...values: never[]) => unknown
  >;
  for (const [name, arity] of expected) {
    const length = exports[name]?.length;
    if (length !== arity) {
      throw wrongBuild(where, `has ${name} with ${length} arguments, not ${arity}`);
    }
  }
  const single = Object.keys(FORWARD_ARITY).map((name) => [name, exports[`${name}_f32`]]);
  return {
    f64: exports as unknown as Kernels,
    f32: Object.fromEntries(single) as unknown as ForwardKernels,
  };
}

const wrongBuild = (where: string, why: string): TypeError =>
  new TypeError(
    `${where}: wasm: expected a build of this version's kernels, got a module that ${why}`,
  );
