import { EngineMemoryError, StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, describe } from "../tensor.js";
import { type Kernels, LAYOUTS, type NumberType, type Precision } from "./abi.js";
import { Arena, type Block, type Shared } from "./arena.js";
import { Disposable, tellsOfCollection } from "./handle.js";
import {
  type BoundKernels,
  bindKernels,
  checkHost,
  compile,
  compileSync,
  hasRelaxed,
  relaxedModule,
  type WasmSource,
} from "./instance.js";
import { type WasmMemory, type WasmModule, webAssembly } from "./webassembly.js";

const PAGE = 65536;
const INITIAL_BYTES = 16 * PAGE;
const LARGEST_BYTES = 65536 * PAGE;
/**
 * In front of the arena: the tables of the kernels, from 8192 on those of the graph module, and from 24576 on those of the
 * training module (asconfig.json).
 */
const TABLES_BYTES = 28672;

/** Options of {@link createEngine}. */
export interface EngineOptions {
  /** The kernels module. Default: the copy inside the JavaScript. */
  wasm?: WasmSource;
  /**
   * Use fused multiply-add if the host has relaxed SIMD. It is faster on some processors, but the bits differ between machines.
   * `engine.features.relaxed` tells whether it is in use. Default: false.
   */
  relaxed?: boolean;
  /** The size that linear memory may grow to, in bytes: 1 MiB … 4 GiB, rounded down to pages of 64 KiB. Default: 4 GiB. */
  maximumBytes?: number;
}

const OPTIONS: OptionNames<EngineOptions> = { wasm: true, relaxed: true, maximumBytes: true };

/** Properties of the host and the build. */
export interface Features {
  /** 128-bit vectors. */
  readonly simd: boolean;
  /** Fused multiply-add, with which the bits differ between machines. */
  readonly relaxed: boolean;
}

/**
 * Releases the resource of a key that was collected. It refers to the resource weakly, because the key (such as parameters) may
 * outlive the engine and must not keep it from being collected.
 */
let keyNet: FinalizationRegistry<WeakRef<KeyedResource>> | undefined;

/** A resource that an engine keeps for a key. Only the engine's set refers to it. */
class KeyedResource {
  readonly held: Shared;
  readonly #all: Set<KeyedResource>;

  constructor(key: object, held: Shared, all: Set<KeyedResource>) {
    this.held = held;
    this.#all = all;
    all.add(this);
    if (!tellsOfCollection()) return;
    keyNet ??= new FinalizationRegistry((kept) => kept.deref()?.release());
    keyNet.register(key, new WeakRef(this), this);
  }

  release(): void {
    keyNet?.unregister(this);
    this.#all.delete(this);
    this.held.release();
  }
}

/** What the package itself needs of an engine. Users hold an {@link Engine}; `checkEngine` leads from one to the other. */
export class EngineCore {
  #kernels: BoundKernels | undefined;
  readonly #arena: Arena;
  #kept = new WeakMap<object, KeyedResource>();
  readonly #allKept = new Set<KeyedResource>();

  constructor(kernels: BoundKernels, arena: Arena) {
    this.#kernels = kernels;
    this.#arena = arena;
  }

  /** @throws {StateError} after `dispose` */
  checkOpen(): void {
    if (this.#kernels === undefined) throw new StateError("the engine is disposed");
  }

  get kernels(): Kernels {
    this.checkOpen();
    return (this.#kernels as BoundKernels).f64;
  }

  /** The forward kernels and numbers of one precision. */
  numberType(precision: Precision): NumberType {
    const f64 = this.kernels;
    const kernels = precision === "f64" ? f64 : (this.#kernels as BoundKernels).f32;
    return { precision, ...LAYOUTS[precision], kernels };
  }

  get arena(): Arena {
    this.checkOpen();
    return this.#arena;
  }

  /** The resource that the engine keeps for `key`. */
  kept(key: object): Shared | undefined {
    return this.#kept.get(key)?.held;
  }

  /** Keeps `held` until `forget(key)`, or until `key` is collected. */
  keep(key: object, held: Shared): void {
    this.forget(key);
    this.#kept.set(key, new KeyedResource(key, held, this.#allKept));
  }

  forget(key: object): void {
    this.#kept.get(key)?.release();
    this.#kept.delete(key);
  }

  dispose(): void {
    this.#arena.close();
    for (const kept of this.#allKept) kept.release();
    this.#kernels = undefined;
    this.#kept = new WeakMap();
  }
}

let read: (engine: Engine) => EngineCore;

/** The core of an engine, also of a disposed one. It is not a member, so JavaScript sees as little of it as TypeScript does. */
export const coreOf = (engine: Engine): EngineCore => read(engine);

/**
 * The kernels and their linear memory. Engines share nothing: each has a memory of its own.
 * Made by {@link createEngine} or {@link createEngineSync}.
 */
export class Engine extends Disposable {
  readonly features: Features;
  /** Whether the same input gives the same bits on every machine. False only for the relaxed build. */
  readonly deterministic: boolean;
  readonly #core: EngineCore;

  static {
    read = (engine) => engine.#core;
  }

  /** @internal */
  constructor(core: EngineCore) {
    super();
    this.#core = core;
    const relaxed = core.kernels.is_relaxed() !== 0;
    this.features = Object.freeze({ simd: true, relaxed });
    this.deterministic = !relaxed;
  }

  /** Bytes of linear memory now, and their maximum. Memory is reused; it is given back to the host only with the engine. */
  memory(): { bytes: number; maximumBytes: number } {
    const { bytes, maximumBytes } = this.#core.arena;
    return { bytes, maximumBytes };
  }

  /**
   * Call this after changing numbers of a parameter object in place: the engine then packs them again at the next use. It notices
   * by itself that a tensor was replaced by another. Earlier caches keep the earlier numbers.
   */
  parametersChanged(parameters: object): void {
    this.#core.forget(parameters);
  }

  /** Ends the engine. Afterwards every use of an object made with it throws a `StateError`; a second call does nothing. */
  dispose(): void {
    this.#core.dispose();
  }
}

/** The core of an engine. @throws {TypeError | StateError} unless `engine` is one and not disposed */
export function checkEngine(where: string, engine: Engine): EngineCore {
  checkInstance(where, "engine", Engine, "an engine of createEngine", engine);
  const core = coreOf(engine);
  core.checkOpen();
  return core;
}

/** Runs `work` with a block of scratch memory, which is freed afterwards, also if `work` throws. */
export function withScratch<R>(arena: Arena, bytes: number, work: (block: Block) => R): R {
  const block = arena.allocate(bytes);
  try {
    return work(block);
  } finally {
    block.release();
  }
}

/** Checks the host and the options; returns the pages that linear memory may grow to. */
function checkCall(where: string, options: EngineOptions): number {
  checkHost(where);
  checkOptions(where, options, OPTIONS);
  const { maximumBytes = LARGEST_BYTES, relaxed } = options;
  if (relaxed !== undefined && typeof relaxed !== "boolean") {
    throw new TypeError(`${where}: relaxed: expected true or false, got ${describe(relaxed)}`);
  }
  if (typeof maximumBytes !== "number") {
    throw new TypeError(`${where}: maximumBytes: expected a number, got ${typeof maximumBytes}`);
  }
  if (!(maximumBytes >= INITIAL_BYTES && maximumBytes <= LARGEST_BYTES)) {
    throw new RangeError(
      `${where}: maximumBytes: expected ${INITIAL_BYTES} … ${LARGEST_BYTES}, got ${maximumBytes}`,
    );
  }
  return Math.floor(maximumBytes / PAGE);
}

function build(where: string, module: WasmModule, maximumPages: number): Engine {
  const memory = openMemory(where, maximumPages);
  const kernels = bindKernels(where, module, memory);
  return new Engine(new EngineCore(kernels, new Arena(memory, TABLES_BYTES, maximumPages * PAGE)));
}

function openMemory(where: string, maximumPages: number): WasmMemory {
  const { Memory } = webAssembly(where);
  try {
    return new Memory({ initial: INITIAL_BYTES / PAGE, maximum: maximumPages });
  } catch (refusal) {
    throw new EngineMemoryError(INITIAL_BYTES, 0, refusal);
  }
}

/**
 * Makes an engine. The kernels are part of the JavaScript, so there is nothing to fetch and no path to set.
 *
 * @throws {FeatureError} if the host has no WebAssembly SIMD, or refuses to compile (a page's Content-Security-Policy)
 * @throws {TypeError} if an option is unknown or of the wrong kind, or `wasm` is no build of the kernels
 * @throws {RangeError} if `maximumBytes` is out of range
 * @throws {EngineMemoryError} if the host refuses the memory of one more engine
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const where = "createEngine";
  const maximumPages = checkCall(where, options);
  const { wasm, relaxed = false } = options;
  const isRelaxed = wasm === undefined && relaxed && hasRelaxed(where);
  const module = isRelaxed ? await relaxedModule(where) : await compile(where, wasm);
  return build(where, module, maximumPages);
}

/** As {@link createEngine}, but synchronous, for Node and workers. `wasm` must be bytes or a module. */
export function createEngineSync(options: EngineOptions = {}): Engine {
  const where = "createEngineSync";
  const maximumPages = checkCall(where, options);
  if (options.relaxed === true && options.wasm === undefined) {
    throw new TypeError(
      `${where}: relaxed: that build is loaded on demand: use createEngine, or pass its bytes as wasm`,
    );
  }
  return build(where, compileSync(where, options.wasm), maximumPages);
}
