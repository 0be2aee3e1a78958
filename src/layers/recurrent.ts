import { ALL_KERNELS } from "../cells/kernels.js";
import { checkOptions, type OptionNames } from "../options.js";
import { describe, type Tensor } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import { backward } from "./backward.js";
import {
  type ForwardOptions,
  type ForwardResult,
  forwardList,
  forwardTensor,
  type ListForwardOptions,
  type ListForwardResult,
} from "./forward.js";
import { ForwardRecurrent, type NumberArray, newRecurrent, open } from "./forward_recurrent.js";
import { type BackwardResult, gradientPartsOf, type ListBackwardResult } from "./gradients.js";
import { checkParts } from "./operands.js";
import type { RecurrentOptions } from "./options.js";
import type { RecurrentState, StateTensors } from "./state.js";
import { openTape, type RecurrentTape, tapeOf } from "./tape.js";

const LIST_OPTIONS: OptionNames<ListForwardOptions> = { keepTape: true };
const OPTIONS: OptionNames<ForwardOptions<Float64Array>> = { out: true, keepTape: true };

const NO_OPTIONS = {};

/** Options of `backward`. */
export interface BackwardOptions<R> {
  /** The result of an earlier call with the same sizes. It is written and returned instead of a new one. */
  readonly out?: R;
}

const BACKWARD_OPTIONS: OptionNames<BackwardOptions<unknown>> = { out: true };

/** A recurrent network that trains, too. {@link createRecurrent} makes it. */
export class Recurrent<
  D extends Float64Array | Float32Array = Float64Array,
> extends ForwardRecurrent<D> {
  /**
   * Runs over sequences.
   *
   * @param x (T, m, nx), or a list of sequences (T_b, nx) of any lengths, including 0; a list costs the sum of its lengths
   * @param state the state to start from, which is advanced in place. Default: zeros, in a new state
   * @throws {TypeError | ShapeError} for an operand of the wrong kind or shape, or an unknown option
   * @throws {StateError} if no weights are loaded, or for a state of another network
   * @throws {EngineMemoryError} if linear memory does not suffice; the state is unchanged then
   */
  override forward(
    x: readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options?: ListForwardOptions,
  ): ListForwardResult<D>;
  override forward(
    x: Tensor<D>,
    state?: RecurrentState<D>,
    options?: ForwardOptions<D>,
  ): ForwardResult<D>;
  override forward(
    x: Tensor<D> | readonly Tensor<D>[],
    state?: RecurrentState<D>,
    options: ForwardOptions<D> = NO_OPTIONS,
  ): ForwardResult<D> | ListForwardResult<D> {
    const where = "forward";
    const stack = open(where, this).stack(where);
    const isList = Array.isArray(x);
    if (isList) checkOptions<ListForwardOptions>(where, options, LIST_OPTIONS);
    else if (options !== NO_OPTIONS) checkOptions(where, options, OPTIONS);
    const { out, keepTape } = options;
    if (keepTape !== undefined && typeof keepTape !== "boolean") {
      throw new TypeError(`${where}: keepTape: expected true or false, got ${describe(keepTape)}`);
    }
    if (keepTape && stack.shape.dtype.precision === "f32") {
      throw new TypeError(
        `${where}: keepTape: training is f64; make the layer with precision "f64"`,
      );
    }
    const newTape = keepTape ? openTape : undefined;
    return isList
      ? forwardList(stack, x, state, newTape)
      : forwardTensor(stack, x as Tensor<D>, state, { out, newTape });
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
    const { engine, shape } = open(where, this);
    const content = tapeOf(where, tape, engine, shape);
    checkParts(where, "dState", dState);
    checkOptions(where, options, BACKWARD_OPTIONS);
    return backward(content, gradientPartsOf(shape), { dy, dState, out: options.out });
  }
}

/**
 * Makes a recurrent network. `load` sets its weights, `forward` runs over sequences, `step` over live streams, and
 * `backward` trains. `createRecurrent` of `recurra/forward` makes the same without `backward`, for half the bytes.
 *
 * @throws {TypeError} for an unknown option, cell, activation or precision, or an option of another cell
 * @throws {RangeError} for a size that is no integer ≥ 1, a number out of range, or weights of more than 4 GiB
 */
export const createRecurrent = <P extends Precision = "f64">(
  engine: Engine,
  options: RecurrentOptions<P>,
): Recurrent<NumberArray<P>> =>
  new Recurrent(newRecurrent(engine, options, ALL_KERNELS), { ...options });
