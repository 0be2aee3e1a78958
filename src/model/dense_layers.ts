import {
  type Activation,
  activationName,
  activationRecord,
  RECORD_ELEMENTS,
} from "../cells/activations.js";
import type { KernelChoice } from "../cells/kernels.js";
import type { DenseDescription } from "../description/description.js";
import type { Layout } from "../sequence/layout.js";
import { Linear } from "../sequence/linear.js";
import { type Floats, type GeneralKernels, ITEM, type NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { outputKernels } from "../wasm/kernel_sets.js";

/** Whether an activation is applied by a kernel of its own: all but the identity and the softmax of the highest layer. */
const isMapped = (activation: DenseDescription["activation"]): activation is Activation =>
  !["softmax", "logSoftmax", "identity"].includes(activationName(activation));

/** Where the linear layers work: offsets or pointers. */
export interface DenseScratch {
  /** Outputs of every other layer. */
  readonly even: number;
  readonly odd: number;
  /** The last outputs in f64, if the network is f32. */
  readonly promoted: number;
}

/** The scratch whose offsets count from `pointer`. */
export const denseScratchAt = (pointer: number, { even, odd, promoted }: DenseScratch) => ({
  even: pointer + even,
  odd: pointer + odd,
  promoted: pointer + promoted,
});

/** The linear layers on top of a network. */
export class DenseLayers extends Shared {
  /** The activation after the last layer. */
  readonly activation: DenseDescription["activation"];
  readonly outputSize: number;
  /** The largest number of outputs of any layer, or of the network if it has no linear layer. */
  readonly mostOutputs: number;
  readonly #engine: EngineCore;
  readonly #dtype: NumberType;
  /** There if a layer has a record. */
  #general: GeneralKernels | undefined;
  /** Each layer, and the record of its activation if a kernel applies it. */
  readonly #layers: { readonly linear: Linear; readonly record: Block | undefined }[] = [];

  constructor(
    { engine, dtype }: { readonly engine: EngineCore; readonly dtype: NumberType },
    choice: KernelChoice,
    inputSize: number,
    described: readonly DenseDescription[],
  ) {
    super();
    this.#engine = engine;
    this.#dtype = dtype;
    this.activation = described.at(-1)?.activation ?? "identity";
    let na = inputSize;
    let mostOutputs = 0;
    try {
      for (const { weight, bias, activation } of described) {
        const ny = weight.shape[0] as number;
        const linear = new Linear(engine, dtype, { ny, na, W: weight.data, bias: bias?.data });
        this.#layers.push({ linear, record: undefined });
        if (isMapped(activation)) {
          this.#general ??= choice.general(engine, dtype.precision).kernels;
          this.#layers[this.#layers.length - 1] = { linear, record: recordOf(engine, activation) };
        }
        na = ny;
        mostOutputs = Math.max(mostOutputs, ny);
      }
    } catch (error) {
      this.free();
      throw error;
    }
    this.outputSize = na;
    this.mostOutputs = Math.max(mostOutputs, na);
  }

  /** From below, each with the record of its activation if a kernel applies one. */
  get layers(): readonly { readonly linear: Linear; readonly record: Block | undefined }[] {
    return this.#layers;
  }

  /** Fresh views of all weights and biases, and of the activations' records. */
  arrays(): Floats[] {
    const { arena } = this.#engine;
    return this.#layers.flatMap(({ linear, record }) => {
      const own = record === undefined ? [] : [arena.f64(record.pointer, RECORD_ELEMENTS)];
      return [...linear.arrays(), ...own];
    });
  }

  /** Lays out the scratch of `apply` for some rows: offsets. */
  takeScratch(layout: Layout, rows: number): DenseScratch {
    const count = this.#layers.length;
    const even = layout.take(count > 0 ? rows * this.mostOutputs : 0);
    const odd = layout.take(count > 1 ? rows * this.mostOutputs : 0);
    const isSingle = this.#dtype.precision === "f32";
    return { even, odd, promoted: layout.take(isSingle ? rows * this.outputSize : 0, ITEM) };
  }

  /**
   * Runs rows through the layers, without a softmax at the end.
   *
   * @param x (rows, inputSize)
   * @returns a pointer to the outputs, (rows, outputSize) in f64: x itself if there is no layer
   */
  apply(rows: number, x: number, { even, odd, promoted }: DenseScratch): number {
    let from = x;
    this.#layers.forEach(({ linear, record }, l) => {
      const to = l % 2 === 0 ? even : odd;
      linear.logits(rows, from, to);
      if (record !== undefined) {
        const elements = rows * linear.ny;
        this.#general?.activation_map(elements, record.pointer, 0, to, to);
      }
      from = to;
    });
    if (this.#dtype.precision === "f64") return from;
    outputKernels(this.#engine).promote(rows * this.outputSize, from, promoted);
    return promoted;
  }

  protected free(): void {
    for (const { linear, record } of this.#layers) {
      linear.release();
      record?.release();
    }
  }
}

function recordOf({ arena }: EngineCore, activation: Activation): Block {
  // The record has room for three activations; a layer has one.
  const record = activationRecord(Number.POSITIVE_INFINITY, Array(3).fill(activation));
  const block = arena.allocate(record.length * ITEM);
  arena.f64(block.pointer, record.length).set(record);
  return block;
}
