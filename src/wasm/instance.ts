import { FeatureError } from "../errors.js";
import { describe } from "../tensor.js";
import { ARITY, type Kernels, type Precision, TWIN_ARITY, type TwinKernels } from "./abi.js";
import type { Arena } from "./arena.js";
import { decode, fuse } from "./bytes.js";

/** A source of the full build of the kernels. */
export type WasmSource = BufferSource | WebAssembly.Module | Response | Promise<Response>;

/** A module with one SIMD instruction, a splat. Hosts without SIMD refuse it. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

let simd: boolean | undefined;

/** Throws a `FeatureError` if the host cannot run the kernels, or compile those inside the JavaScript. */
export function checkHost(where: string, wasm: WasmSource | undefined): void {
  if (typeof WebAssembly !== "object") {
    throw new FeatureError(`${where}: this host has no WebAssembly`);
  }
  simd ??= WebAssembly.validate(SIMD_PROBE);
  if (!simd) {
    throw new FeatureError(
      `${where}: this host has no WebAssembly SIMD (Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it)`,
    );
  }
  if (wasm === undefined) compileOwn(`${where}: `, SIMD_PROBE);
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

/** A set of kernels inside the JavaScript: a module over an engine's memory. */
export interface KernelSet {
  /** The module (src/wasm/bytes.ts); empty in `recurra/slim`. */
  readonly text: string;
  /** What makes it the relaxed build of the set. */
  readonly fusions: string;
  /** The kernels of the full build that are the set's; absent if the full build lacks them. */
  readonly precision?: Precision;
  /** The exact build and the relaxed one, each compiled once for all engines. */
  exact?: WebAssembly.Module;
  relaxed?: WebAssembly.Module;
}

/** Compiles a set, at its first use. */
export function moduleOf(set: KernelSet, build: "exact" | "relaxed"): WebAssembly.Module {
  const known = set[build];
  if (known !== undefined) return known;
  if (set.text === "") throw new FeatureError(`recurra/slim holds no kernels: ${PASS_WASM}`);
  const bytes = decode(set.text);
  if (build === "relaxed") fuse(bytes, decode(set.fusions));
  const compiled = compileOwn("", bytes);
  set[build] = compiled;
  return compiled;
}

const PASS_WASM = "pass createEngine({ wasm }), a build of the kernels";

/** Compiles what is no user's. `where` is the start of the message. @throws {FeatureError} if the host refuses */
function compileOwn(where: string, bytes: BufferSource): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    // A RangeError: Chrome before 115 compiles no more than 4 KiB at once on a page's main thread.
    const advice =
      cause instanceof RangeError
        ? `${PASS_WASM}, or run in a worker`
        : `allow it (Content-Security-Policy: script-src 'wasm-unsafe-eval'), or ${PASS_WASM} that the host compiled`;
    throw new FeatureError(
      `${where}this host refuses to compile WebAssembly (${cause}): ${advice}`,
      {
        cause,
      },
    );
  }
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
export function compileSync(where: string, source: WasmSource): WebAssembly.Module {
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
export async function compile(where: string, source: WasmSource): Promise<WebAssembly.Module> {
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

/** The kernels of the full build: all in f64, those of the forward pass in f32 too. */
export interface FullKernels {
  readonly f64: Kernels;
  readonly f32: TwinKernels;
}

/** Checks that `module` is the full build of the kernels, and binds it to the memory of `arena`. */
export function bindFull(where: string, module: WebAssembly.Module, arena: Arena): FullKernels {
  const offered = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  const twins = Object.entries(TWIN_ARITY);
  const expected = [...twins, ...Object.entries(ARITY)];
  for (const [name, arity] of twins) expected.push([`${name}_f32`, arity]);
  const missing = expected.find(([name]) => offered.get(name) !== "function");
  if (missing !== undefined) throw wrongBuild(where, `has no function ${missing[0]}`);
  const exports = arena.instantiate(module) as Record<string, (...values: never[]) => unknown>;
  for (const [name, arity] of expected) {
    const length = exports[name]?.length;
    if (length !== arity) {
      throw wrongBuild(where, `has ${name} with ${length} arguments, not ${arity}`);
    }
  }
  const single = twins.map(([name]) => [name, exports[`${name}_f32`]]);
  return {
    f64: exports as unknown as Kernels,
    f32: Object.fromEntries(single) as unknown as TwinKernels,
  };
}

const wrongBuild = (where: string, why: string): TypeError =>
  new TypeError(
    `${where}: wasm: expected a build of this version's kernels, got a module that ${why}`,
  );
