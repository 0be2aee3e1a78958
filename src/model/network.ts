import { inputProducts } from "../cells/cell.js";
import type {
  InputDescription,
  ModelDescription,
  RecurrentDescription,
} from "../description/description.js";
import { fuseLayers } from "../description/fuse_layers.js";
import type { RecurrentOptions } from "../layers/options.js";
import { createRecurrent, type Recurrent } from "../layers/recurrent.js";
import type { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { outputOf, type StackShape } from "../sequence/shape.js";
import { forwardInChunks, type Output, type Stack } from "../sequence/stack.js";
import type { Weights } from "../sequence/weights.js";
import type { NumberType, Precision } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import type { Engine } from "../wasm/engine.js";
import { DenseStack } from "./dense.js";
import { Hash } from "./hash.js";
import type { States } from "./states.js";

/** Above this size no table of input products is made: the tokens' rows are multiplied when they come. Same bits. */
const LARGEST_TABLE = 64 * 1024 * 1024;

/** One stack of a network. Where it merges its directions, by what. */
interface Group {
  readonly recurrent: Recurrent<Float64Array | Float32Array>;
  readonly stack: Stack;
  readonly merge: NonNullable<RecurrentDescription["merge"]>;
  /** The size of what it gives. */
  readonly outputSize: number;
}

/** What goes into a network: tokens, or rows of numbers. */
export type NetworkInput =
  | { readonly tokens: Int32Array }
  | { readonly rows: Extract<Input, { feed: "rows" }>["rows"] };

/** A network in linear memory: input, recurrent stacks that feed each other, linear layers. */
export class Network extends Shared {
  readonly engine: Engine;
  readonly dtype: NumberType;
  readonly groups: readonly Group[];
  readonly dense: DenseStack;
  /** Different tokens, or 0 where numbers go in. */
  readonly tokens: number;
  /** Numbers of one step that go in, or 0 where tokens do. */
  readonly features: number;
  readonly #input: Block | undefined;
  /** Of what the tokens are as numbers. */
  readonly #digest: string;
  /** Where the input products of the tokens stand, one table for each direction; empty above `LARGEST_TABLE`. */
  readonly tables: readonly number[];

  constructor(engine: Engine, described: ModelDescription, precision: Precision) {
    super();
    this.engine = engine;
    this.dtype = engine.numberType(precision);
    const { input, recurrent, dense } = fuseLayers(described);
    this.tokens = tokensOf(input);
    this.features = input.kind === "features" ? input.size : 0;
    const groups: Group[] = [];
    let top: DenseStack | undefined;
    try {
      for (const each of recurrent) groups.push(openGroup(engine, each, precision));
      const { outputSize } = groups.at(-1) as Group;
      top = new DenseStack(engine, this.dtype, outputSize, dense);
      const { block, tables } = openInput(engine, groups[0] as Group, input, this.tokens);
      this.groups = groups;
      this.dense = top;
      this.tables = tables;
      this.#input = block;
      this.#digest = digestOf(input, precision);
    } catch (error) {
      for (const { recurrent } of groups) recurrent.dispose();
      top?.release();
      throw error;
    }
  }

  /** The rows of the tokens, where there are no tables. */
  get embedding(): number {
    return this.#input?.pointer ?? 0;
  }

  /** The size of what the highest stack gives. */
  get hiddenSize(): number {
    return (this.groups.at(-1) as Group).outputSize;
  }

  /** Whether every direction reads from the start, so that nothing depends on what is still to come. */
  get live(): boolean {
    return this.groups.every(({ stack: { shape } }) => shape.cells.length === 1 && !shape.reverse);
  }

  /** What a batch of inputs is to the lowest stack. */
  inputOf(input: NetworkInput): Input {
    if ("rows" in input) return { feed: "rows", rows: input.rows };
    const { tokens } = input;
    return this.tables.length > 0
      ? { feed: "tokens", tokens, tables: this.tables }
      : { feed: "embedded", tokens, embedding: this.embedding };
  }

  /**
   * Runs a batch up to the linear layers, and pauses after each chunk.
   *
   * @param output takes what the highest stack gives, (rows, hiddenSize)
   */
  *run(batch: Batch, states: States, input: NetworkInput, output: Output): Generator<void> {
    const { engine, dtype, groups } = this;
    let from = this.inputOf(input);
    // What the stack below gave, and what this one gives to the next.
    let below: Block | undefined;
    let above: Block | undefined;
    try {
      for (const [g, { stack, merge, outputSize }] of groups.entries()) {
        let to = output;
        if (g + 1 < groups.length) {
          const block = engine.arena.allocate(batch.rows * outputSize * dtype.item);
          above = block;
          to = (first, last, pointer) => {
            const start = batch.start(first);
            const rows = batch.start(last) - start;
            const at = block.pointer + start * outputSize * dtype.item;
            dtype.kernels.gather_rows(rows, outputSize, outputSize, outputSize, pointer, 0, at);
          };
        }
        to = this.#merged(batch, merge, to, outputSize);
        yield* forwardInChunks(stack, { batch, state: states.at(g), input: from, output: to });
        below?.release();
        below = above;
        above = undefined;
        if (below !== undefined) {
          from = { feed: "rows", rows: this.#rowsAt(batch, below.pointer, outputSize) };
        }
      }
    } finally {
      below?.release();
      above?.release();
    }
  }

  /** What the highest layer has at each sequence's end, its directions merged: (m, hiddenSize) at `target`. */
  ends(states: States, m: number, target: number): void {
    const g = this.groups.length - 1;
    const { stack, merge, outputSize } = this.groups[g] as Group;
    const { cells, layers, nh } = stack.shape;
    const { kernels, item } = this.dtype;
    const { h } = states.at(g);
    const D = cells.length;
    for (let d = 0; d < D; d++) {
      const source = h + ((layers - 1) * D + d) * m * nh * item;
      kernels.gather_rows(m, nh, nh, D * nh, source, 0, target + d * nh * item);
    }
    if (merge !== "concat") this.#merge(merge, m, target, outputSize);
  }

  /** Input from rows that stand in linear memory. */
  #rowsAt(batch: Batch, pointer: number, n: number): Extract<Input, { feed: "rows" }>["rows"] {
    const { arena } = this.engine;
    const { precision, item } = this.dtype;
    return (target, first, last) => {
      const start = batch.start(first);
      const length = (batch.start(last) - start) * n;
      target.set(arena.view(precision, pointer + start * n * item, length));
    };
  }

  /** An output that takes two directions as one: their sum, product or mean, in place. */
  #merged(batch: Batch, merge: Group["merge"], output: Output, n: number): Output {
    if (merge === "concat") return output;
    return (first, last, pointer) => {
      this.#merge(merge, batch.start(last) - batch.start(first), pointer, n);
      output(first, last, pointer);
    };
  }

  /** (rows, 2·n) becomes (rows, n), in place. */
  #merge(merge: keyof typeof MERGES, rows: number, pointer: number, n: number): void {
    const by = MERGES[merge];
    const both = this.engine.arena.view(this.dtype.precision, pointer, rows * 2 * n);
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < n; j++) {
        const at = 2 * r * n + j;
        both[r * n + j] = by(both[at] as number, both[at + n] as number);
      }
    }
  }

  /** A number that differs between networks whose weights differ: 16 hexadecimal digits. */
  hash(): string {
    const hash = new Hash(this.dtype.precision);
    for (const { recurrent, stack, merge } of this.groups) {
      hash.text(kindOf(recurrent.options, stack.shape, merge));
      for (const weights of stack.layerDirections) {
        weights.read(({ Wx, Wh, bias, Wr, peepholes }) => {
          for (const array of [Wx, Wh, bias, Wr, peepholes]) hash.numbers(array);
        });
      }
    }
    hash.text(this.#digest);
    for (const array of this.dense.arrays()) hash.numbers(array);
    return hash.digits();
  }

  protected free(): void {
    for (const { recurrent } of this.groups) recurrent.dispose();
    this.dense.release();
    this.#input?.release();
  }
}

const MERGES = {
  sum: (a: number, b: number) => a + b,
  mul: (a: number, b: number) => a * b,
  ave: (a: number, b: number) => (a + b) / 2,
};

function openGroup(engine: Engine, described: RecurrentDescription, precision: Precision): Group {
  const { options, weights, merge = "concat" } = described;
  const recurrent = createRecurrent<Precision>(engine, { ...options, precision });
  try {
    recurrent.load(weights);
  } catch (error) {
    recurrent.dispose();
    throw error;
  }
  const stack = recurrent.loaded("load");
  const outputSize = merge === "concat" ? outputOf(stack.shape) : stack.shape.nh;
  return { recurrent, stack, merge, outputSize };
}

function tokensOf(input: InputDescription): number {
  if (input.kind === "features") return 0;
  return input.kind === "one-hot" ? input.size : (input.weight.shape[0] as number);
}

/**
 * What a stack computes, beside its weights. Of words that stay: states that are stored outlive how a cell is written down
 * here.
 */
function kindOf(
  { resetAfter = true, inputForget = false }: RecurrentOptions,
  { cells, layers, reverse, nx, na, nh }: StackShape,
  merge: Group["merge"],
): string {
  const own = cells.map(({ name, activations = [], peepholes }) => [name, activations, peepholes]);
  return JSON.stringify([merge, layers, reverse, nx, na, nh, resetAfter, inputForget, own]);
}

/** The same with a table of input products or without, and of single numbers in whatever array they came. */
function digestOf(input: InputDescription, precision: Precision): string {
  if (input.kind !== "embedding") return `${input.kind} ${input.size}`;
  const { shape, data } = input.weight;
  const hash = new Hash(`embedding ${shape}`);
  hash.numbers(precision === "f64" ? Float64Array.from(data) : Float32Array.from(data));
  return hash.digits();
}

/** The tokens' input products, or where that would be too much their rows. */
function openInput(
  engine: Engine,
  { stack: { shape, layerDirections } }: Group,
  input: InputDescription,
  tokens: number,
): { block: Block | undefined; tables: number[] } {
  if (input.kind === "features") return { block: undefined, tables: [] };
  const { arena } = engine;
  const { dtype, nx, na } = shape;
  const { precision, item } = dtype;
  const lowest = layerDirections.slice(0, shape.cells.length) as Weights[];
  const sizes = lowest.map(({ cell }) => tokens * cell.bias.length * na);
  const bytes = sizes.reduce((sum, size) => sum + size * item, 0);
  const rows = arena.allocate(tokens * nx * item);
  const all = arena.view(precision, rows.pointer, tokens * nx);
  if (input.kind === "embedding") all.set(input.weight.data);
  else {
    all.fill(0);
    for (let token = 0; token < tokens; token++) all[token * (nx + 1)] = 1;
  }
  if (bytes > LARGEST_TABLE) return { block: rows, tables: [] };
  try {
    const block = arena.allocate(bytes);
    let at = block.pointer;
    const tables = lowest.map((weights, d) => {
      const { cell } = weights;
      const table = at;
      inputProducts(cell, weights, tokens, rows.pointer, table, cell.bias.length * na);
      at += (sizes[d] as number) * item;
      return table;
    });
    return { block, tables };
  } finally {
    rows.release();
  }
}
