import type { Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { KeptView } from "../wasm/kept_view.js";

/** A tensor that is trained. */
export interface ParameterSpec {
  /** PyTorch's name, such as `recurrent.weight_ih_l0`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The cell's order of the blocks along the first axis: block i in memory is PyTorch's block `order[i]`. Default: as it is. */
  readonly order?: readonly number[];
}

/** A parameter and its place: the same in weights, gradients and moments. */
export interface Parameter extends ParameterSpec {
  readonly size: number;
  /** Bytes from the start of each of them. */
  readonly offset: number;
  /** Whether updates leave it as it is. */
  isFrozen: boolean;
}

/** Parameters start at cache lines; the padding between them is 0 in weights and gradients, and stays so. */
const LINE = 64;

const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

/**
 * All parameters of a network in linear memory: the weights one after the other, in the order of blocks of their cells, and
 * their gradients in the same order. They live there once: passes pack from them, add to them, and optimisers update them.
 */
export class Parameters extends Shared {
  readonly engine: EngineCore;
  readonly all: readonly Parameter[];
  /** Bytes of the weights, and of the gradients. */
  readonly bytes: number;
  readonly #block: Block;
  readonly #gradients = new KeptView<Float64Array<ArrayBuffer>>();

  constructor(engine: EngineCore, specs: readonly ParameterSpec[]) {
    super();
    this.engine = engine;
    let bytes = 0;
    this.all = specs.map((spec) => {
      const [size, offset] = [sizeOf(spec.shape), bytes];
      bytes += Math.ceil((size * ITEM) / LINE) * LINE;
      return { ...spec, size, offset, isFrozen: false };
    });
    this.bytes = bytes;
    this.#block = engine.arena.allocate(2 * bytes);
    engine.arena.f64(this.#block.pointer, (2 * bytes) / ITEM).fill(0);
  }

  get weights(): number {
    return this.#block.pointer;
  }

  get gradients(): number {
    return this.#block.pointer + this.bytes;
  }

  /** The numbers of all parameters together. */
  get count(): number {
    return this.all.reduce((sum, { size }) => sum + size, 0);
  }

  find(name: string): Parameter | undefined {
    return this.all.find((each) => each.name === name);
  }

  /** The parameter of this name, which the network has. */
  get(name: string): Parameter {
    const found = this.find(name);
    if (found === undefined) throw new Error(`parameters: ${name} is absent`);
    return found;
  }

  /** Copies a parameter, or what stands at its place after another `base`, in PyTorch's order. */
  read({ shape, size, offset, order }: Parameter, base = this.weights): Tensor {
    const source = this.engine.arena.f64(base + offset, size);
    const data = new Float64Array(size);
    if (order === undefined) data.set(source);
    else {
      const block = size / order.length;
      order.forEach((to, i) => {
        data.set(source.subarray(i * block, (i + 1) * block), to * block);
      });
    }
    return { shape: [...shape], data };
  }

  /** Sets a parameter, or what stands at its place after another `base`, from numbers in PyTorch's order. */
  write({ size, offset, order }: Parameter, data: ArrayLike<number>, base = this.weights): void {
    const target = this.engine.arena.f64(base + offset, size);
    const numbers = data instanceof Float64Array ? data : Float64Array.from(data);
    if (order === undefined) target.set(numbers);
    else {
      const block = size / order.length;
      order.forEach((from, i) => {
        target.set(numbers.subarray(from * block, (from + 1) * block), i * block);
      });
    }
  }

  clearGradients(): void {
    this.#gradients.at(this.engine.arena, "f64", this.gradients, this.bytes / ITEM).fill(0);
  }

  /** The parameter of the first number that is not finite after `base`, and its index in memory. */
  findNotFinite(base: number): { parameter: Parameter; value: number } | undefined {
    for (const parameter of this.all) {
      const view = this.engine.arena.f64(base + parameter.offset, parameter.size);
      const value = view.find((x) => !Number.isFinite(x));
      if (value !== undefined) return { parameter, value };
    }
    return undefined;
  }

  protected free(): void {
    this.#block.release();
  }
}
