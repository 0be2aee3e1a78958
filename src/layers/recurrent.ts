import { StateError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { StackShape } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { checkShape, describe, type Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { Shared } from "../wasm/arena.js";
import { checkEngine, type Engine, type EngineCore } from "../wasm/engine.js";
import { contentOf, Handle } from "../wasm/handle.js";
import { backward } from "./backward.js";
import {
  type ForwardOptions,
  type ForwardResult,
  forwardList,
  forwardTensor,
  type ListForwardOptions,
  type ListForwardResult,
} from "./forward.js";
import {
  type BackwardResult,
  type GradientParts,
  gradientParts,
  type ListBackwardResult,
} from "./gradients.js";
import { checkParts, numbersOf } from "./operands.js";
import type { RecurrentOptions } from "./options.js";
import { shapeOf } from "./shape.js";
import { createState, type RecurrentState, type StateTensors, stateOf } from "./state.js";
import { type RecurrentTape, tapeOf } from "./tape.js";
import { type LayerWeights, packStack } from "./weights.js";

/** The typed array of a precision. */
export type NumberArray<P extends Precision> = P extends "f32" ? Float32Array : Float64Array;

const LIST_OPTIONS: OptionNames<ListForwardOptions> = { keepTape: true };
const OPTIONS: OptionNames<ForwardOptions<Float64Array>> = { out: true, ...LIST_OPTIONS };

const NO_OPTIONS = {};

/** Options of `backward`. */
export interface BackwardOptions<R> {
  /** The result of an earlier call with the same sizes. It is written and returned instead of a new one. */
  readonly out?: R;
}

const BACKWARD_OPTIONS: OptionNames<BackwardOptions<unknown>> = { out: true };

/** The content of a `Recurrent`. */
class RecurrentContent extends Shared {
  readonly engine: EngineCore;
  readonly shape: StackShape;
  #stack: Stack | undefined;
  #gradients: GradientParts | undefined;

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

  /** The gradients of a backward pass, by name. */
  get gradients(): GradientParts {
    this.#gradients ??= gradientParts(this.shape);
    return this.#gradients;
  }

  protected free(): void {
    this.#stack?.release();
  }
}

/**
 * A recurrent network: layers on top of each other, each with one or two directions. Its weights are packed once, and its
 * tensors are time-major, so that none is transposed. `dispose` frees the memory of the weights; states and tapes keep
 * theirs. {@link createRecurrent} makes it.
 */
export class Recurrent<D extends Float64Array | Float32Array = Float64Array> extends Handle {
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
  forward(
    x: readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options?: ListForwardOptions,
  ): ListForwardResult<D>;
  forward(x: Tensor<D>, state?: RecurrentState<D>, options?: ForwardOptions<D>): ForwardResult<D>;
  forward(
    x: Tensor<D> | readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options: ForwardOptions<D> = NO_OPTIONS,
  ): ForwardResult<D> | ListForwardResult<D> {
    const where = "forward";
    const stack = open(where, this).stack(where);
    const isList = Array.isArray(x);
    if (isList) checkOptions<ListForwardOptions>(where, options, LIST_OPTIONS);
    else if (options !== NO_OPTIONS) checkOptions(where, options, OPTIONS);
    const { keepTape } = options;
    if (keepTape !== undefined && typeof keepTape !== "boolean") {
      throw new TypeError(`${where}: keepTape: expected true or false, got ${describe(keepTape)}`);
    }
    if (keepTape && stack.shape.dtype.precision === "f32") {
      throw new TypeError(
        `${where}: keepTape: training is f64; make the layer with precision "f64"`,
      );
    }
    return isList
      ? forwardList(stack, x, state, options)
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

  /**
   * Back-propagation through time over a recorded forward pass. A list of sequences has a list of gradients.
   *
   * @param dy gradient of the output of every step, (T, m, D·nh), or a list of (T_b, D·nh)
   * @param dState gradient of the state at the end of each sequence, shaped as the result of `state.read()`. Default: zeros
   * @param options `out`: the result of an earlier call with the same sizes, which is written and returned
   * @returns `dx` (T, m, nx) or `dInputs`, `dState` of the initial state, and the gradients under the weights' names
   * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape, or an unknown option
   * @throws {StateError} for a disposed tape, or a tape of another network
   * @throws {EngineMemoryError} if linear memory does not suffice; the tape can be used again
   */
  backward(
    dy: readonly Tensor[],
    tape: RecurrentTape,
    dState?: Partial<StateTensors<Float64Array>>,
    options?: BackwardOptions<ListBackwardResult>,
  ): ListBackwardResult;
  backward(
    dy: Tensor,
    tape: RecurrentTape,
    dState?: Partial<StateTensors<Float64Array>>,
    options?: BackwardOptions<BackwardResult>,
  ): BackwardResult;
  backward(
    dy: Tensor | readonly Tensor[],
    tape: RecurrentTape,
    dState: Partial<StateTensors<Float64Array>> = {},
    options: BackwardOptions<BackwardResult | ListBackwardResult> = {},
  ): BackwardResult | ListBackwardResult {
    const where = "backward";
    const { engine, shape, gradients } = open(where, this);
    const content = tapeOf(where, tape, engine, shape);
    checkParts(where, "dState", dState);
    checkOptions(where, options, BACKWARD_OPTIONS);
    return backward(content, gradients, { dy, dState, out: options.out });
  }
}

/** The content of a network. @throws {StateError} if the network or its engine is disposed */
function open(where: string, layer: Recurrent<Float64Array | Float32Array>): RecurrentContent {
  const content = contentOf<RecurrentContent>(where, layer);
  content.engine.checkOpen();
  return content;
}

/**
 * Makes a recurrent network. `load` sets its weights, `forward` runs over sequences, `step` over live streams.
 *
 * @throws {TypeError} for an unknown option, cell, activation or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, a number out of range, or weights of more than 4 GiB
 */
export function createRecurrent<P extends Precision = "f64">(
  engine: Engine,
  options: RecurrentOptions<P>,
): Recurrent<NumberArray<P>> {
  const core = checkEngine("createRecurrent", engine);
  const shape = shapeOf(core, options);
  return new Recurrent(new RecurrentContent(core, shape), { ...options });
}
