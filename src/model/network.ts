import { inputProducts } from "../cells/cell.js";
import type { KernelChoice } from "../cells/kernels.js";
import {
  hasAddNorm,
  type InputDescription,
  type ModelDescription,
  type RecurrentDescription,
} from "../description/description.js";
import { fuseLayers } from "../description/fuse_layers.js";
import { createStack } from "../layers/weights.js";
import type { Input } from "../sequence/input.js";
import type { Layout } from "../sequence/layout.js";
import { outputOf } from "../sequence/shape.js";
import { layerOf, type Stack } from "../sequence/stack.js";
import { type StackState, takeState } from "../sequence/state.js";
import type { Weights } from "../sequence/weights.js";
import type { NumberType, Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { EngineCore } from "../wasm/engine.js";
import { AddNorm } from "./add_norm.js";
import { DenseLayers } from "./dense_layers.js";

/** Bytes of the largest table of input products. Without a table each token's row is multiplied: the same bits. */
const LARGEST_TABLE = 64 * 1024 * 1024;

/** One recurrent stack of a network. */
export interface NetworkStack {
  readonly stack: Stack;
  readonly options: RecurrentDescription["options"];
  /** How two directions become one output. */
  readonly merge: NonNullable<RecurrentDescription["merge"]>;
  /** Columns of the output. */
  readonly outputSize: number;
  /** What follows its only layer, before its directions are merged. */
  readonly addNorm: AddNorm | undefined;
}

/** A network in linear memory: input, recurrent stacks that feed each other, linear layers. */
export class Network extends Shared {
  readonly engine: EngineCore;
  readonly dtype: NumberType;
  readonly stacks: readonly NetworkStack[];
  readonly dense: DenseLayers;
  readonly inputKind: InputDescription["kind"];
  /** The number of different tokens, or of features. */
  readonly inputSize: number;
  /**
   * For each direction of the lowest layer the input products of all tokens; empty for features, above `LARGEST_TABLE`, or
   * if the input is added to the layer's output.
   */
  readonly tables: readonly number[];
  /** The rows of an embedding, or one-hot rows if there are no tables. */
  readonly rows: Block | undefined;
  readonly #owned: Shared[] = [];

  constructor(
    engine: EngineCore,
    described: ModelDescription,
    precision: Precision,
    choice: KernelChoice,
  ) {
    super();
    this.engine = engine;
    this.dtype = choice.numberType(engine, precision);
    const { input, recurrent, dense } = fuseLayers(described);
    this.inputKind = input.kind;
    this.inputSize = input.kind === "embedding" ? (input.weight.shape[0] as number) : input.size;
    try {
      this.stacks = recurrent.flatMap((each) => this.#openStacks(each, choice));
      this.dense = this.own(new DenseLayers(this, choice, this.hiddenSize, dense));
      const { rows, tables } = this.#openInput(input);
      this.rows = rows;
      this.tables = tables;
    } catch (error) {
      this.free();
      throw error;
    }
  }

  /** The number of different tokens; 0 if features go in. */
  get tokenCount(): number {
    return this.inputKind === "features" ? 0 : this.inputSize;
  }

  /** Columns of the highest stack's output. */
  get hiddenSize(): number {
    return (this.stacks.at(-1) as NetworkStack).outputSize;
  }

  /** Whether every direction reads from the start, so that no output depends on later steps. */
  get isCausal(): boolean {
    return this.stacks.every(({ stack: { shape } }) => shape.cells.length === 1 && !shape.reverse);
  }

  /** The input of the lowest stack for the tokens of some rows. */
  inputOf(tokens: Int32Array): Input {
    if (this.tables.length > 0) return { feed: "tokens", tokens, tables: this.tables };
    return { feed: "embedded", tokens, embedding: this.rows?.pointer ?? 0 };
  }

  /** Where the states of m sequences stand, stack by stack: offsets. */
  takeStates(layout: Layout, m: number): StackState[] {
    return this.stacks.map(({ stack: { shape } }) => takeState(layout, shape, m));
  }

  /**
   * Where the output of the highest stack stands in a live state of m sequences, (m, hiddenSize): an offset. It takes no room
   * if the output is h itself.
   */
  takeOutput(layout: Layout, m: number): number {
    const { addNorm } = this.stacks.at(-1) as NetworkStack;
    return layout.take(addNorm === undefined ? 0 : m * this.hiddenSize);
  }

  /** Merges the outputs of two directions in place, unless they are concatenated: (rows, 2·n) becomes (rows, n). */
  mergeDirections({ merge, outputSize: n }: NetworkStack, rows: number, pointer: number): void {
    if (merge === "concat") return;
    const by = MERGES[merge];
    const both = this.engine.arena.view(this.dtype.precision, pointer, rows * 2 * n);
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < n; j++) {
        const at = 2 * r * n + j;
        both[r * n + j] = by(both[at] as number, both[at + n] as number);
      }
    }
  }

  /** Takes over the ownership of a part, which ends with the network. */
  own<S extends Shared>(part: S): S {
    this.#owned.push(part);
    return part;
  }

  protected free(): void {
    for (const each of this.#owned) each.release();
  }

  /** A described stack: as one, or layer by layer if something follows a layer before the next one. */
  #openStacks(described: RecurrentDescription, choice: KernelChoice): NetworkStack[] {
    const { options, weights, merge = "concat", layerNorm, residual = false } = described;
    const { engine, dtype } = this;
    const stack = this.own(
      createStack(engine, { ...options, precision: dtype.precision }, weights, choice),
    );
    const { shape } = stack;
    const n = outputOf(shape);
    const outputSize = merge === "concat" ? n : shape.nh;
    if (!hasAddNorm(described)) return [{ stack, options, merge, outputSize, addNorm: undefined }];
    return Array.from({ length: shape.layers }, (_, l) => {
      const isTop = l + 1 === shape.layers;
      const norm = layerNorm?.[l];
      const adds = residual && (l > 0 || shape.nx === n);
      return {
        stack: this.own(layerOf(stack, l)),
        options,
        merge: isTop ? merge : "concat",
        outputSize: isTop ? outputSize : n,
        addNorm: norm || adds ? this.own(new AddNorm(engine, dtype, n, { norm, adds })) : undefined,
      };
    });
  }

  /** The rows of the tokens and, where they are not too large, their input products. */
  #openInput(input: InputDescription): { rows?: Block; tables: number[] } {
    if (input.kind === "features") return { tables: [] };
    const { stack, addNorm } = this.stacks[0] as NetworkStack;
    const { nx, na, cells } = stack.shape;
    const { arena } = this.engine;
    const { precision, item } = this.dtype;
    const count = this.inputSize;
    const lowest = stack.layerDirections.slice(0, cells.length) as Weights[];
    const sizes = lowest.map(({ cell }) => count * cell.bias.length * na * item);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const rows = this.own(arena.allocate(count * nx * item));
    const numbers = arena.view(precision, rows.pointer, count * nx);
    if (input.kind === "embedding") numbers.set(input.weight.data);
    else {
      numbers.fill(0);
      for (let token = 0; token < count; token++) numbers[token * (nx + 1)] = 1;
    }
    // A residual needs the rows.
    if (bytes > LARGEST_TABLE || addNorm?.adds) return { rows, tables: [] };
    let table = this.own(arena.allocate(bytes)).pointer;
    const tables = lowest.map((weights, d) => {
      const { cell } = weights;
      inputProducts(cell, weights, count, rows.pointer, table, cell.bias.length * na);
      const own = table;
      table += sizes[d] as number;
      return own;
    });
    if (input.kind === "embedding") return { rows, tables };
    this.#owned.splice(this.#owned.indexOf(rows), 1);
    rows.release();
    return { tables };
  }
}

const MERGES = {
  sum: (a: number, b: number) => a + b,
  mul: (a: number, b: number) => a * b,
  ave: (a: number, b: number) => (a + b) / 2,
};
