import { chooseKernels, type KernelChoice, type Kernels } from "../cells/kernels.js";
import { StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { checkShape, describe, type Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import { checkEngine, type Engine, type EngineCore } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import {
  type ForwardOptions,
  type ForwardResult,
  forwardList,
  forwardTensor,
  type ListForwardResult,
} from "./forward.js";
import { numbersOf } from "./operands.js";
import { RECURRENT_NAMES, type RecurrentOptions } from "./options.js";
import { shapeOf } from "./shape.js";
import { createState, type RecurrentState, stateOf } from "./state.js";
import { type LayerWeights, packStack } from "./weights.js";

/** The typed array of a precision. */
export type NumberArray<P extends Precision> = P extends "f32" ? Float32Array : Float64Array;

/** Options of `ForwardRecurrent.forward` for one tensor. */
export type OutOption<D extends Float64Array | Float32Array> = Pick<ForwardOptions<D>, "out">;

const OPTIONS: OptionNames<OutOption<Float64Array>> = { out: true };

const NO_OPTIONS = {};

/** The content of a layer. */
export class RecurrentContent extends Shared {
  readonly engine: EngineCore;
  readonly shape: StackShape;
  #stack: Stack | undefined;

  constructor(engine: EngineCore, shape: StackShape) {
    super();
    this.engine = engine;
    this.shape = shape;
  }

  load(weights: LayerWeights): void {
    const stack = packStack(this.engine, this.shape, weights);
    this.#stack?.release();
    this.#stack = stack;
  }

  stack(where: string): Stack {
    if (this.#stack === undefined) throw new StateError(`${where}: no weights: call load first`);
    return this.#stack;
  }

  protected free(): void {
    this.#stack?.release();
  }
}

/**
 * A recurrent network: layers on top of each other, each with one or two directions. Its weights are packed once, and its
 * tensors are time-major, so that none is transposed. `dispose` frees the memory of the weights; states and tapes keep
 * theirs. `createRecurrent` of `recurra/forward` makes it; that of `recurra` makes a {@link Recurrent}, which trains, too.
 */
export class ForwardRecurrent<D extends Float64Array | Float32Array = Float64Array> extends Handle {
  /** The options with which it was made. */
  readonly options: RecurrentOptions;

  /** @internal */
  constructor(content: RecurrentContent, options: RecurrentOptions) {
    super("layer", content);
    this.options = options;
  }

  /**
   * Loads and packs the weights. They replace earlier ones; states stay valid.
   *
   * @param weights with the names, shapes and gate order of PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`
   * @throws {TypeError | ShapeError} for a weight that is missing, misspelt, or of the wrong kind or size; nothing is
   *   changed then
   */
  load(weights: LayerWeights): void {
    open("load", this).load(weights);
  }

  /** Makes a state of zeros for `m` sequences. */
  createState(m: number): RecurrentState<D> {
    const { engine, shape } = open("createState", this);
    if (!Number.isSafeInteger(m) || m < 0) {
      const got = typeof m === "object" ? describe(m) : String(m);
      throw new TypeError(`createState: m: expected an integer ≥ 0, got ${got}`);
    }
    return createState(engine, shape, m);
  }

  /**
   * Runs over sequences.
   *
   * @param x (T, m, nx), or a list of sequences (T_b, nx) of any lengths, including 0; a list costs the sum of its lengths
   * @param state the state to start from, which is advanced in place. Default: zeros, in a new state
   * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape, or an unknown option
   * @throws {StateError} if no weights are loaded, or for a state of another network
   * @throws {EngineMemoryError} if linear memory does not suffice; the state is unchanged then
   */
  forward(x: readonly Tensor<D>[], state?: RecurrentState<D>): ListForwardResult<D>;
  forward(x: Tensor<D>, state?: RecurrentState<D>, options?: OutOption<D>): ForwardResult<D>;
  forward(
    x: Tensor<D> | readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options: OutOption<D> = NO_OPTIONS,
  ): ForwardResult<D> | ListForwardResult<D> {
    const stack = open("forward", this).stack("forward");
    const isList = Array.isArray(x);
    if (isList) checkOptions<object>("forward", options, NO_OPTIONS);
    else if (options !== NO_OPTIONS) checkOptions("forward", options, OPTIONS);
    return isList
      ? forwardList(stack, x, state)
      : forwardTensor(stack, x as Tensor<D>, state, options);
  }

  /**
   * Runs one live step: every sequence of the state reads one input. Nothing is allocated.
   *
   * @param x (m, nx)
   * @param state advanced in place
   * @returns the hidden state of the highest layer, (m, nh). Each state has one such tensor, which every step overwrites.
   * @throws {StateError} for a network with a direction that reads from the end, which has no live step
   */
  step(x: Tensor<D>, state: RecurrentState<D>): Tensor<D> {
    const where = "step";
    const stack = open(where, this).stack(where);
    const { nx, reverse, cells } = stack.shape;
    if (reverse || cells.length > 1) {
      throw new StateError(`${where}: a direction that reads from the end has no live step`);
    }
    const content = stateOf(where, state, stack.shape);
    const { m } = content;
    const numbers = numbersOf(stack.shape);
    const { shape, data } = x ?? {};
    const fits = shape?.length === 2 && shape[0] === m && shape[1] === nx;
    if (!fits || data?.length !== m * nx || !(data instanceof numbers)) {
      checkShape(where, "x", x, ["m", "nx"], [m, nx], " (from state and layer)", numbers);
    }
    return content.step(stack, data);
  }
}

/** The content of a network. @throws {StateError} if the network or its engine is disposed */
export function open(
  where: string,
  layer: ForwardRecurrent<Float64Array | Float32Array>,
): RecurrentContent {
  const content = contentOf<RecurrentContent>(where, layer);
  content.engine.checkOpen();
  return content;
}

/** The content of a new network. */
export function newRecurrent(
  engine: Engine,
  options: RecurrentOptions,
  choice: KernelChoice,
): RecurrentContent {
  const core = checkEngine(CREATE, engine);
  return new RecurrentContent(core, shapeOf(core, options, choice));
}

const CREATE = "createRecurrent";

/** Options of `createRecurrent` of `recurra/forward`. */
export interface ForwardRecurrentOptions<P extends Precision = Precision>
  extends RecurrentOptions<P> {
  /** Imported kernels: `float32` for `precision: "f32"`, `generalCells` for cells that are no standard ones. */
  readonly kernels?: readonly Kernels[] | undefined;
}

/**
 * Makes a recurrent network that only runs forward. A program that imports this function from `recurra/forward` ships
 * no code of training, and the kernels of the standard cells in f64; it brings others by the option `kernels`.
 *
 * @throws {TypeError} for an unknown option, cell, activation or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, a number out of range, or weights of more than 4 GiB
 * @throws {FeatureError} for options that need other kernels than the program has brought
 */
export function createRecurrent<P extends Precision = "f64">(
  engine: Engine,
  options: ForwardRecurrentOptions<P>,
): ForwardRecurrent<NumberArray<P>> {
  checkOptions(CREATE, options, { ...RECURRENT_NAMES, kernels: true });
  const { kernels, ...own } = options;
  return new ForwardRecurrent(newRecurrent(engine, own, chooseKernels(CREATE, kernels)), own);
}
