import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Kernels } from "../../src/wasm/abi.js";

/** One shipped or debug build of the kernels module, on a memory of its own. */
export interface Build {
  name: string;
  kernels: Kernels;
  memory: WebAssembly.Memory;
}

function open(name: string, file: string): Build {
  const path = fileURLToPath(new URL(`../../build/${file}`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing: run "npm run build" first`);
  const memory = new WebAssembly.Memory({ initial: 256 });
  const abort = (): never => {
    throw new Error(`${name}: an assertion of the kernel failed`);
  };
  const module = new WebAssembly.Module(readFileSync(path));
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  return { name, kernels: instance.exports as unknown as Kernels, memory };
}

/** Every build of the kernels module: one suite runs over all of them. */
export const builds: readonly Build[] = [
  open("debug", "kernels.debug.wasm"),
  open("release", "kernels.wasm"),
];

/** An operand of a kernel, standing between guard cells. */
export interface Operand {
  pointer: number;
  /** What the operand holds now. */
  read(): Float64Array;
}

const GUARD_CELLS = 8;

/** A guard cell's value by its address: a kernel that copies what stands beyond its input cannot hit it by chance. */
const guardAt = (pointer: number): number => -(2 ** 1000) * (1 + pointer * 2 ** -45);

/**
 * Lays out the operands of one kernel call. wasm does not fault on an overrun inside its memory, so every operand
 * stands between guard cells, and `check` says which one was overrun.
 */
export class Workbench {
  readonly #memory: WebAssembly.Memory;
  readonly #guards: { name: string; pointer: number }[] = [];
  readonly #constants: { name: string; data: Float64Array; operand: Operand }[] = [];
  #top: number;

  constructor(build: Build) {
    this.#memory = build.memory;
    this.#top = Math.ceil(build.kernels.heap_base() / 16) * 16;
  }

  /** An operand that holds `data`, at `shift` elements (0 or 1) off the 16-byte grid. The kernel may write to it. */
  input(name: string, data: ArrayLike<number>, shift = 0): Operand {
    this.#top = Math.ceil(this.#top / 16) * 16 + shift * 8;
    this.#guard(name);
    const pointer = this.#top;
    this.#take(data.length * 8);
    this.#view(pointer, data.length).set(data);
    this.#guard(name);
    return { pointer, read: () => this.#view(pointer, data.length).slice() };
  }

  /** As `input`, of a contract's "in" operands: `check` says if the kernel wrote to it. */
  constant(name: string, data: ArrayLike<number>, shift = 0): Operand {
    const operand = this.input(name, data, shift);
    this.#constants.push({ name, data: Float64Array.from(data), operand });
    return operand;
  }

  /** An operand of `length` elements that the kernel is to set: it starts as NaN. */
  output(name: string, length: number, shift = 0): Operand {
    return this.input(name, new Float64Array(length).fill(Number.NaN), shift);
  }

  /** Int32 data; returns its pointer. */
  integers(name: string, data: ArrayLike<number>): number {
    this.#guard(name);
    const pointer = this.#top;
    this.#take(Math.ceil(data.length / 2) * 8);
    new Int32Array(this.#memory.buffer, pointer, data.length).set(data);
    this.#guard(name);
    return pointer;
  }

  /** Throws, naming the operand, if a guard cell or a constant was written. */
  check(): void {
    for (const { name, data, operand } of this.#constants) {
      const now = operand.read();
      if (data.some((value, i) => !Object.is(value, now[i]))) {
        throw new Error(`the kernel wrote to "${name}", which is only its input`);
      }
    }
    for (const { name, pointer } of this.#guards) {
      if (this.#view(pointer, GUARD_CELLS).some((cell, i) => cell !== guardAt(pointer + i * 8))) {
        throw new Error(`the kernel wrote outside the operand "${name}"`);
      }
    }
  }

  #guard(name: string): void {
    const pointer = this.#top;
    this.#take(GUARD_CELLS * 8);
    const cells = this.#view(pointer, GUARD_CELLS);
    for (let i = 0; i < GUARD_CELLS; i++) cells[i] = guardAt(pointer + i * 8);
    this.#guards.push({ name, pointer });
  }

  #take(bytes: number): void {
    this.#top += bytes;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
  }

  #view(pointer: number, length: number): Float64Array {
    return new Float64Array(this.#memory.buffer, pointer, length);
  }
}
