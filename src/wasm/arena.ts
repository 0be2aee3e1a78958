import { instantiateSync } from "@assemblyscript/loader";
import { EngineMemoryError, StateError } from "../errors.js";
import type { Floats, Precision } from "./abi.js";
import { instantiated, type WasmMemory, type WasmModule } from "./webassembly.js";

/** Blocks start at a cache line, so no two share one. */
const ALIGNMENT = 64;
const PAGE = 65536;

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** An object in linear memory that counts its owners. When the last one releases it, its memory is freed. */
export abstract class Shared {
  #owners = 1;

  /** Adds an owner. */
  retain(): this {
    this.#owners++;
    return this;
  }

  /** Removes an owner. */
  release(): void {
    if (--this.#owners === 0) this.free();
  }

  protected abstract free(): void;
}

/** A block of linear memory. */
export class Block extends Shared {
  readonly pointer: number;
  readonly bytes: number;
  readonly #arena: Arena;

  constructor(arena: Arena, pointer: number, bytes: number) {
    super();
    this.#arena = arena;
    this.pointer = pointer;
    this.bytes = bytes;
  }

  protected free(): void {
    this.#arena.reclaim(this);
  }
}

/**
 * The allocator of linear memory: first fit over a sorted list of free spans. Neighbouring free spans are merged, so repeated
 * calls of the same sizes get the same addresses, and memory neither grows nor fragments.
 *
 * Growth detaches every view of linear memory. A caller therefore allocates all it needs first and takes views afterwards.
 */
export class Arena {
  readonly maximumBytes: number;
  #memory: WasmMemory | undefined;
  #free: { pointer: number; bytes: number }[] = [];
  #end: number;
  /** Bytes of linear memory, which only the arena grows. */
  #held: number;
  #growth = 0;

  constructor(memory: WasmMemory, start: number, maximumBytes: number) {
    this.#memory = memory;
    this.maximumBytes = maximumBytes;
    this.#end = roundUp(start, ALIGNMENT);
    this.#held = memory.buffer.byteLength;
  }

  /** How often memory has grown. Views that were made before the last growth are detached. */
  get growth(): number {
    return this.#growth;
  }

  /** Bytes of linear memory held now. */
  get bytes(): number {
    void this.#open;
    return this.#held;
  }

  /**
   * A new block of at least `bytes` bytes, whose contents are undefined.
   *
   * @throws {EngineMemoryError} if memory cannot grow that far; nothing is changed then
   */
  allocate(bytes: number): Block {
    const size = Math.max(roundUp(bytes, ALIGNMENT), ALIGNMENT);
    for (let i = 0; i < this.#free.length; i++) {
      const span = this.#free[i] as { pointer: number; bytes: number };
      if (span.bytes < size) continue;
      const pointer = span.pointer;
      span.pointer += size;
      span.bytes -= size;
      if (span.bytes === 0) this.#free.splice(i, 1);
      return new Block(this, pointer, size);
    }
    this.#reserve(this.#end + size);
    const pointer = this.#end;
    this.#end += size;
    return new Block(this, pointer, size);
  }

  /**
   * A pointer to `bytes` bytes that are free now and stay so until the next allocation: scratch memory for a caller that
   * allocates nothing while it uses it.
   *
   * @throws {EngineMemoryError} as `allocate` does
   */
  lend(bytes: number): number {
    for (let i = 0; i < this.#free.length; i++) {
      const span = this.#free[i] as { pointer: number; bytes: number };
      if (span.bytes >= bytes) return span.pointer;
    }
    if (this.#end + bytes > this.#held) this.#reserve(this.#end + bytes);
    return this.#end;
  }

  /** Frees a block. The block itself calls it. */
  reclaim({ pointer, bytes }: Block): void {
    if (this.#memory === undefined) return;
    let i = this.#free.length;
    while (i > 0 && (this.#free[i - 1] as Block).pointer > pointer) i--;
    const before = this.#free[i - 1];
    const after = this.#free[i];
    const joinsBefore = before !== undefined && before.pointer + before.bytes === pointer;
    const joinsAfter = after !== undefined && pointer + bytes === after.pointer;
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes;
      this.#free.splice(i, 1);
    } else if (joinsBefore) before.bytes += bytes;
    else if (joinsAfter) {
      after.pointer = pointer;
      after.bytes += bytes;
    } else this.#free.splice(i, 0, { pointer, bytes });
    const last = this.#free.at(-1);
    if (last !== undefined && last.pointer + last.bytes === this.#end) {
      this.#end = last.pointer;
      this.#free.pop();
    }
  }

  /** A fresh view of `length` f64 at `pointer`. Valid until the next allocation. */
  f64(pointer: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#open.buffer, pointer, length);
  }

  /** A fresh view of `length` numbers of the given precision at `pointer`. Valid until the next allocation. */
  view(precision: Precision, pointer: number, length: number): Floats {
    const { buffer } = this.#open;
    return precision === "f64"
      ? new Float64Array(buffer, pointer, length)
      : new Float32Array(buffer, pointer, length);
  }

  /** Copies `bytes` bytes inside linear memory. */
  copy(source: number, target: number, bytes: number): void {
    new Uint8Array(this.#open.buffer).copyWithin(target, source, source + bytes);
  }

  /** A fresh view of `length` i32 at `pointer`. Valid until the next allocation. */
  i32(pointer: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#open.buffer, pointer, length);
  }

  /**
   * The functions of a new instance of `module`, which works in this memory. Its tables must lie in front of the arena.
   * The loader wraps its exports in functions that count arguments; these are the bare ones, in a plain object, which
   * calls read faster than the host's own (V8 11, 2026).
   */
  instantiate(where: string, module: WasmModule): object {
    const imports = { env: { memory: this.#open as never } };
    return {
      ...instantiated(where, () => instantiateSync(module as never, imports)).instance.exports,
    };
  }

  /** Ends the arena and drops the memory, which the host then collects. */
  close(): void {
    this.#memory = undefined;
    this.#free = [];
  }

  get #open(): WasmMemory {
    if (this.#memory === undefined) throw new StateError("the engine is disposed");
    return this.#memory;
  }

  /** Grows memory until it has `needed` bytes. */
  #reserve(needed: number): void {
    const held = this.bytes;
    if (needed <= held) return;
    if (needed > this.maximumBytes) throw new EngineMemoryError(needed, this.maximumBytes);
    // Growing by an eighth at least keeps the number of growths small; a host that is short is asked for less.
    const wanted = Math.min(Math.max(needed, held + held / 8), this.maximumBytes);
    if (this.#grow(wanted - held) === undefined) return;
    const refusal = this.#grow(needed - held);
    if (refusal !== undefined) throw new EngineMemoryError(needed, held, refusal);
  }

  /** Grows memory by `bytes`; returns what the host threw if it refused. */
  #grow(bytes: number): unknown {
    try {
      this.#open.grow(Math.ceil(bytes / PAGE));
      this.#held = this.#open.buffer.byteLength;
      this.#growth++;
      return undefined;
    } catch (refusal) {
      return refusal ?? new RangeError("the host refused");
    }
  }
}
