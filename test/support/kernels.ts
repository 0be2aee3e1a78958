import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type {
  BackwardKernels,
  GeneralTrainingKernels,
  Kernels,
  Precision,
  TwinKernels,
} from "../../src/wasm/abi.js";
import type { SamplingKernels } from "../../src/wasm/sampling_kernels.js";
import type {
  LayerKernels,
  SingleKernels,
  TrainerKernels,
} from "../../src/wasm/trainer_kernels.js";

/** What a precision means to a test. */
interface Numbers {
  /** Bytes of one number. */
  item: number;
  /** Distance from 1 to the next number. */
  epsilon: number;
  /** The smallest normal number. */
  normal: number;
  round(x: number): number;
  Array: Float64ArrayConstructor | Float32ArrayConstructor;
}

const NUMBERS: Record<Precision, Numbers> = {
  f64: { item: 8, epsilon: 2 ** -52, normal: 2 ** -1022, round: (x) => x, Array: Float64Array },
  f32: { item: 4, epsilon: 2 ** -23, normal: 2 ** -126, round: Math.fround, Array: Float32Array },
};

/** The kernels of one precision in one shipped or debug build, on a memory of their own. */
export interface Build<K = Kernels> {
  name: string;
  kernels: K;
  memory: WebAssembly.Memory;
  /** Where the caller's memory begins. */
  base: number;
  numbers: Numbers;
}

/** Every kernel of the forward pass exists in both precisions: of f32 only these. */
export type Twin = Build<TwinKernels>;

/** The exports of build/FILE.wasm over a memory. */
function instantiate(file: string, memory: WebAssembly.Memory): Record<string, unknown> {
  const path = fileURLToPath(new URL(`../../build/${file}.wasm`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing: run "npm run build" first`);
  const abort = (): never => {
    throw new Error(`${file}: an assertion of the kernel failed`);
  };
  const module = new WebAssembly.Module(readFileSync(path));
  return { ...new WebAssembly.Instance(module, { env: { memory, abort } }).exports };
}

function open(name: string, file: string): { f64: Build; f32: Twin } {
  const memory = new WebAssembly.Memory({ initial: 256 });
  const kernels = instantiate(file, memory) as unknown as Kernels;
  const single = Object.entries(kernels).filter(([key]) => key.endsWith("_f32"));
  const twins = Object.fromEntries(single.map(([key, kernel]) => [key.slice(0, -4), kernel]));
  const base = Math.ceil(kernels.heap_base() / 16) * 16;
  return {
    f64: { name, kernels, memory, base, numbers: NUMBERS.f64 },
    f32: {
      name: `${name} f32`,
      kernels: twins as unknown as TwinKernels,
      memory,
      base,
      numbers: NUMBERS.f32,
    },
  };
}

/** The first byte behind the tables of all sets (scripts/compile_sets.mjs). */
const TABLES_END = 8192;

/** The sets that the JavaScript embeds, in one memory. What no set holds, such as `log_map`, is the release build's. */
function openSets({ f64: full, f32: twins }: ReturnType<typeof open>): { f64: Build; f32: Twin } {
  const { memory } = full;
  const sets = (kernels: object, ...names: string[]) =>
    Object.assign({ ...kernels }, ...names.map((name) => instantiate(`sets/${name}`, memory)));
  const own = ["forward_f64", "general_f64", "output", "norm", "training", "general_training"];
  const f64: Kernels = sets(full.kernels, ...own);
  const f32: TwinKernels = sets(twins.kernels, "forward_f32", "general_f32", "training_f32");
  return {
    f64: { name: "sets", kernels: f64, memory, base: TABLES_END, numbers: NUMBERS.f64 },
    f32: { name: "sets f32", kernels: f32, memory, base: TABLES_END, numbers: NUMBERS.f32 },
  };
}

const opened = [
  open("debug", "kernels.debug"),
  open("release", "kernels"),
  openSets(open("release", "kernels")),
];

/** Every build of the kernels: one suite runs over all of them. */
export const builds: readonly Build[] = opened.map(({ f64 }) => f64);

export const singles: readonly Twin[] = opened.map(({ f32 }) => f32);

/** Both precisions of every build, for the suites of the forward kernels. */
export const twins: readonly Twin[] = [...builds, ...singles];

/** A build with the backward pass in its precision. */
export type TrainingTwin = Build<TwinKernels & BackwardKernels & GeneralTrainingKernels>;

/** The builds that have backward passes: in f32 the sets alone have them. */
export const trainingTwins = twins.filter(
  (build): build is TrainingTwin => "add_rows" in build.kernels,
);

/** The training module, in its one build; nothing of the kernels is in its memory. */
export function openTraining(): Build<TrainerKernels> {
  const path = fileURLToPath(new URL("../../build/train.wasm", import.meta.url));
  const memory = new WebAssembly.Memory({ initial: 16 });
  const module = new WebAssembly.Module(readFileSync(path));
  const kernels = new WebAssembly.Instance(module, { env: { memory } })
    .exports as unknown as TrainerKernels & Pick<Kernels, "heap_base">;
  const base = Math.ceil(kernels.heap_base() / 16) * 16;
  return { name: "training", kernels, memory, base, numbers: NUMBERS.f64 };
}

/** The kernels of training in f32, in their one build: the set, which works in the memory of others. */
export function openSingleTraining(): Build<SingleKernels> {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const kernels = instantiate("sets/training_f32", memory) as unknown as SingleKernels;
  return { name: "training f32", kernels, memory, base: TABLES_END, numbers: NUMBERS.f32 };
}

/** What training needs in both number types. */
export const trainings = (): readonly Build<LayerKernels>[] => [
  openTraining(),
  openSingleTraining(),
];

/** The set of kernels that draws tokens, in its one build. */
export function openSampling(): Build<SamplingKernels> {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const kernels = instantiate("sets/sampling", memory) as unknown as SamplingKernels;
  return { name: "sampling", kernels, memory, base: TABLES_END, numbers: NUMBERS.f64 };
}

/** An operand of a kernel, standing between guard cells. */
export interface Operand {
  pointer: number;
  /** What the operand holds now. */
  read(): Float64Array;
}

const GUARD_CELLS = 8;

/**
 * A guard cell's value by its address: a kernel that copies what stands beyond its input cannot hit it by chance. Exact in
 * f32 up to 64 MB.
 */
const guardAt = (pointer: number): number => -(2 ** 100) * (1 + (pointer >> 2) * 2 ** -23);

/**
 * Lays out the operands of one kernel call. wasm does not fault on an overrun inside its memory, so every operand
 * stands between guard cells, and `check` says which one was overrun.
 */
export class Workbench {
  readonly #memory: WebAssembly.Memory;
  readonly #numbers: Numbers;
  readonly #guards: { name: string; pointer: number }[] = [];
  readonly #constants: { name: string; data: Float64Array; operand: Operand }[] = [];
  #top: number;

  constructor(build: Build<unknown>) {
    this.#memory = build.memory;
    this.#numbers = build.numbers;
    this.#top = build.base;
  }

  /** An operand that holds `data`, rounded to the build's numbers, at `shift` elements off the 16-byte grid. The kernel may write to it. */
  input(name: string, data: ArrayLike<number>, shift = 0): Operand {
    this.#top = Math.ceil(this.#top / 16) * 16 + shift * this.#numbers.item;
    this.#guard(name);
    const pointer = this.#top;
    this.#take(data.length * this.#numbers.item);
    this.#view(pointer, data.length).set(data);
    this.#guard(name);
    return { pointer, read: () => Float64Array.from(this.#view(pointer, data.length)) };
  }

  /** As `input`, of a contract's "in" operands: `check` says if the kernel wrote to it. */
  constant(name: string, data: ArrayLike<number>, shift = 0): Operand {
    const operand = this.input(name, data, shift);
    this.#constants.push({ name, data: operand.read(), operand });
    return operand;
  }

  /** An operand of `length` elements that the kernel is to set: it starts as NaN. */
  output(name: string, length: number, shift = 0): Operand {
    return this.input(name, new Float64Array(length).fill(Number.NaN), shift);
  }

  /** Int32 data; returns its pointer. */
  integers(name: string, data: ArrayLike<number>): number {
    return this.typed(name, Int32Array.from(data)).pointer;
  }

  /** As `input`, in f64, whatever the build's numbers: what the kernel sets starts as NaN. */
  doubles(name: string, data: ArrayLike<number>): Operand {
    const operand = this.typed(name, Float64Array.from(data));
    this.#constants.pop();
    return operand;
  }

  /** As `constant`, in numbers of the operand's own, whatever the build's. */
  typed(name: string, data: Int32Array | Float32Array | Float64Array): Operand {
    this.#top = Math.ceil(this.#top / 16) * 16;
    this.#guard(name);
    const pointer = this.#top;
    this.#take(Math.ceil(data.byteLength / 8) * 8);
    const now = () => {
      const bytes = this.#memory.buffer.slice(pointer, pointer + data.byteLength);
      if (data instanceof Int32Array) return Float64Array.from(new Int32Array(bytes));
      const Numbers = data instanceof Float32Array ? Float32Array : Float64Array;
      return Float64Array.from(new Numbers(bytes));
    };
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(this.#memory.buffer, pointer, data.byteLength).set(raw);
    this.#guard(name);
    const operand = { pointer, read: now };
    this.#constants.push({ name, data: now(), operand });
    return operand;
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
      const cells = this.#view(pointer, GUARD_CELLS);
      if (cells.some((cell, i) => cell !== guardAt(pointer + i * this.#numbers.item))) {
        throw new Error(`the kernel wrote outside the operand "${name}"`);
      }
    }
  }

  #guard(name: string): void {
    const pointer = this.#top;
    const { item } = this.#numbers;
    this.#take(GUARD_CELLS * item);
    const cells = this.#view(pointer, GUARD_CELLS);
    for (let i = 0; i < GUARD_CELLS; i++) cells[i] = guardAt(pointer + i * item);
    this.#guards.push({ name, pointer });
  }

  #take(bytes: number): void {
    this.#top += bytes;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
  }

  #view(pointer: number, length: number): Float64Array | Float32Array {
    return new this.#numbers.Array(this.#memory.buffer, pointer, length);
  }
}
