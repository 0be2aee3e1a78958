import { EngineMemoryError, StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { checkInstance, describe } from "../tensor.js";
import { Arena, type Block, type Shared } from "./arena.js";
import { type KernelSet, openSet } from "./embedded.js";
import { Disposable, tellsOfCollection } from "./handle.js";
import {
  bindFull,
  checkHost,
  compile,
  compileSync,
  type FullKernels,
  hasRelaxed,
  type WasmSource,
} from "./instance.js";
import { type WasmMemory, type WasmModule, webAssembly } from "./webassembly.js";

const PAGE = 65536;
const INITIAL_BYTES = 16 * PAGE;
const LARGEST_BYTES = 65536 * PAGE;
/**
 * In front of the arena: the tables of the kernels, set by set (scripts/compile_sets.mjs), of the graph module, and of the
 * training module.
 */
const TABLES_BYTES = 28672;

/** Options of {@link createEngine}. */
export interface EngineOptions {
  /** The full build of the kernels, `recurra/kernels.wasm`. Default: the sets of kernels inside the JavaScript. */
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
  /** Whether products and sums are fused. */
  readonly relaxed: boolean;
  readonly #arena: Arena;
  /** The kernels of the user's module. */
  readonly #full: FullKernels | undefined;
  #isOpen = true;
  #made = new Map<object, unknown>();
  #kept = new WeakMap<object, KeyedResource>();
  readonly #allKept = new Set<KeyedResource>();

  /** @param kernels those of a full build, or the embedded sets: relaxed or not */
  constructor(arena: Arena, kernels: FullKernels | { readonly relaxed: boolean }) {
    this.#arena = arena;
    this.#full = "f64" in kernels ? kernels : undefined;
    this.relaxed = "f64" in kernels ? kernels.f64.is_relaxed() !== 0 : kernels.relaxed;
  }

  /** @throws {StateError} after `dispose` */
  checkOpen(): void {
    if (!this.#isOpen) throw new StateError("the engine is disposed");
  }

  get arena(): Arena {
    this.checkOpen();
    return this.#arena;
  }

  /** What `make` gave at the first call with this key. */
  once<T>(key: object, make: () => T): T {
    this.checkOpen();
    let made = this.#made.get(key) as T | undefined;
    if (made === undefined) {
      made = make();
      this.#made.set(key, made);
    }
    return made;
  }

  /** The kernels of a set, compiled and bound at the first call. @throws {FeatureError} if the host does not compile them */
  bind<K>(set: KernelSet): K {
    this.checkOpen();
    const { precision } = set;
    if (this.#full !== undefined && precision !== undefined) return this.#full[precision] as K;
    const bound = this.#made.get(set);
    if (bound !== undefined) return bound as K;
    const kernels = this.#arena.instantiate("engine", openSet("engine", set, this.relaxed));
    this.#made.set(set, kernels);
    return kernels as K;
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
    this.#isOpen = false;
    this.#made = new Map();
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
    const { relaxed } = core;
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
  checkOptions(where, options, OPTIONS);
  checkHost(where, options.wasm);
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

/** An engine whose kernels are those of `module`, or the sets inside the JavaScript. */
function build(
  where: string,
  maximumPages: number,
  from: WasmModule | { relaxed: boolean },
): Engine {
  const arena = new Arena(openMemory(where, maximumPages), TABLES_BYTES, maximumPages * PAGE);
  return new Engine(new EngineCore(arena, "relaxed" in from ? from : bindFull(where, from, arena)));
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
  const { wasm } = options;
  return build(
    where,
    maximumPages,
    wasm === undefined ? embedded(where, options) : await compile(where, wasm),
  );
}

/** As {@link createEngine}, but synchronous. `wasm` must be bytes or a module. */
export function createEngineSync(options: EngineOptions = {}): Engine {
  const where = "createEngineSync";
  const maximumPages = checkCall(where, options);
  const { wasm } = options;
  return build(
    where,
    maximumPages,
    wasm === undefined ? embedded(where, options) : compileSync(where, wasm),
  );
}

const embedded = (where: string, { relaxed = false }: EngineOptions) => ({
  relaxed: relaxed && hasRelaxed(where),
});
