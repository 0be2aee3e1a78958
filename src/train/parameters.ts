import type { Tensor } from "../tensor.js";
import { type Floats, LAYOUTS, type Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { KeptView } from "../wasm/kept_view.js";
import { type TrainedType, viewOf } from "./trained_type.js";

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
  /** Bytes from the start of weights and gradients. */
  readonly offset: number;
  /** Whether updates leave it as it is. */
  isFrozen: boolean;
}

/** A copy of all parameters' layout in linear memory, in its own precision: the weights, the gradients, or a moment, which is f64. */
export interface Place {
  readonly base: number;
  readonly precision: Precision;
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
  readonly dtype: TrainedType;
  readonly all: readonly Parameter[];
  /** Bytes of the weights, and of the gradients. */
  readonly bytes: number;
  readonly #block: Block;
  readonly #gradients = new KeptView();

  constructor(dtype: TrainedType, specs: readonly ParameterSpec[]) {
    super();
    const { engine, item } = dtype;
    this.engine = engine;
    this.dtype = dtype;
    let bytes = 0;
    this.all = specs.map((spec) => {
      const [size, offset] = [sizeOf(spec.shape), bytes];
      bytes += Math.ceil((size * item) / LINE) * LINE;
      return { ...spec, size, offset, isFrozen: false };
    });
    this.bytes = bytes;
    this.#block = engine.arena.allocate(2 * bytes);
    viewOf(dtype, this.#block.pointer, (2 * bytes) / item).fill(0);
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

  /** The weights, as a place that `read` and `write` take. */
  get place(): Place {
    return { base: this.weights, precision: this.dtype.precision };
  }

  #view({ offset, size }: Parameter, { base, precision }: Place): Floats {
    const at = (offset / this.dtype.item) * LAYOUTS[precision].item;
    return this.engine.arena.view(precision, base + at, size);
  }

  /** Copies a parameter, or what stands at its place elsewhere, in PyTorch's order. Its numbers are of the place's precision. */
  read(parameter: Parameter, place = this.place): Tensor<Floats> {
    const { shape, size, order } = parameter;
    const source = this.#view(parameter, place);
    const data = place.precision === "f64" ? new Float64Array(size) : new Float32Array(size);
    if (order === undefined) data.set(source);
    else {
      const block = size / order.length;
      order.forEach((to, i) => {
        data.set(source.subarray(i * block, (i + 1) * block), to * block);
      });
    }
    return { shape: [...shape], data };
  }

  /** Sets a parameter, or what stands at its place elsewhere, from numbers in PyTorch's order. */
  write(parameter: Parameter, data: ArrayLike<number>, place = this.place): void {
    const { size, order } = parameter;
    const target = this.#view(parameter, place);
    const isFloats = data instanceof Float64Array || data instanceof Float32Array;
    const numbers = isFloats ? data : Float64Array.from(data);
    if (order === undefined) target.set(numbers);
    else {
      const block = size / order.length;
      order.forEach((from, i) => {
        target.set(numbers.subarray(from * block, (from + 1) * block), i * block);
      });
    }
  }

  clearGradients(): void {
    const { precision, item } = this.dtype;
    this.#gradients.at(this.engine.arena, precision, this.gradients, this.bytes / item).fill(0);
  }

  /** The parameter of the first number that is not finite after `base`, and its index in memory. */
  findNotFinite(base: number): { parameter: Parameter; value: number } | undefined {
    for (const parameter of this.all) {
      const view = viewOf(this.dtype, base + parameter.offset, parameter.size);
      const value = view.find((x) => !Number.isFinite(x));
      if (value !== undefined) return { parameter, value };
    }
    return undefined;
  }

  protected free(): void {
    this.#block.release();
  }
}
