import { type Activation, activationRecord, RECORD_ELEMENTS } from "../cells/activations.js";
import type { DenseDescription } from "../description/description.js";
import { Linear } from "../sequence/linear.js";
import type { Floats, NumberType } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";

interface Layer {
  readonly linear: Linear;
  /** The record of the function that follows; undefined for a softmax, a log-softmax and the identity. */
  readonly record: Block | undefined;
}

/** The name of what follows a linear layer. */
export const nameOf = (activation: DenseDescription["activation"]): string =>
  typeof activation === "string" ? activation : activation.name;

const isFunction = (activation: DenseDescription["activation"]): activation is Activation =>
  !["softmax", "logSoftmax", "identity"].includes(nameOf(activation));

/** The linear layers on top of a recurrent network, in linear memory. */
export class DenseStack extends Shared {
  /** What follows the last layer. */
  readonly activation: DenseDescription["activation"];
  /** The size of what goes in, and of what comes out. */
  readonly inputSize: number;
  readonly outputSize: number;
  /** The largest number of outputs of any layer. */
  readonly widest: number;
  readonly #engine: Engine;
  readonly #dtype: NumberType;
  readonly #layers: Layer[] = [];

  constructor(
    engine: Engine,
    dtype: NumberType,
    inputSize: number,
    described: readonly DenseDescription[],
  ) {
    super();
    this.#engine = engine;
    this.#dtype = dtype;
    this.inputSize = inputSize;
    this.activation = described.at(-1)?.activation ?? "identity";
    let n = inputSize;
    let widest = 0;
    try {
      for (const { weight, bias, activation } of described) {
        const ny = weight.shape[0] as number;
        const linear = new Linear(engine, dtype, { ny, na: n, W: weight.data, bias: bias?.data });
        const record = isFunction(activation) ? recordOf(engine, activation) : undefined;
        this.#layers.push({ linear, record });
        n = ny;
        widest = Math.max(widest, ny);
      }
    } catch (error) {
      this.free();
      throw error;
    }
    this.outputSize = n;
    this.widest = widest;
  }

  /** Fresh views of all weights and biases, and of the functions' records. */
  arrays(): Floats[] {
    const { arena } = this.#engine;
    return this.#layers.flatMap(({ linear, record }) => {
      const functions = record === undefined ? [] : [arena.f64(record.pointer, RECORD_ELEMENTS)];
      return [...linear.arrays(), ...functions];
    });
  }

  /**
   * Runs rows through the layers, all but a softmax at the end.
   *
   * @param x (rows, inputSize)
   * @param turns two buffers of (rows, widest)
   * @returns where the result stands, (rows, outputSize): x itself if there is no layer
   */
  apply(rows: number, x: number, turns: readonly [number, number]): number {
    let from = x;
    this.#layers.forEach(({ linear, record }, i) => {
      const to = turns[i % 2] as number;
      linear.logits(rows, from, to);
      if (record !== undefined) {
        this.#dtype.kernels.activation_map(rows * linear.ny, record.pointer, 0, to, to);
      }
      from = to;
    });
    return from;
  }

  protected free(): void {
    for (const { linear, record } of this.#layers) {
      linear.release();
      record?.release();
    }
  }
}

function recordOf({ arena }: Engine, activation: Activation): Block {
  // The record has room for three functions; a layer has one.
  const record = activationRecord(Number.POSITIVE_INFINITY, Array(3).fill(activation));
  const block = arena.allocate(record.length * Float64Array.BYTES_PER_ELEMENT);
  arena.f64(block.pointer, record.length).set(record);
  return block;
}
