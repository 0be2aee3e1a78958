import { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { type ForwardCall, forwardStack, type Output } from "../sequence/pass.js";
import { outputOf } from "../sequence/shape.js";
import type { Stack } from "../sequence/stack.js";
import { inBatchOrder } from "../sequence/state.js";
import { checkShape, type Tensor } from "../tensor.js";
import { isCube, newTensor, numbersOf } from "./operands.js";
import { checkSequences, listInput, listOutput } from "./sequences.js";
import { createState, type RecurrentState, stateOf } from "./state.js";
import type { RecurrentTape, TapeInProgress } from "./tape.js";

/** Options of `forward` for a list of sequences. */
export interface ListForwardOptions {
  /** Records the pass for `backward`. Only in f64. Default false. */
  readonly keepTape?: boolean;
}

/** Options of `forward` for one tensor. */
export interface ForwardOptions<D extends Float64Array | Float32Array> extends ListForwardOptions {
  /** A tensor (T, m, D·nh) that is written and returned as `y` instead of a new one. */
  readonly out?: Tensor<D>;
}

/** The results of `forward` for one tensor. */
export interface ForwardResult<D extends Float64Array | Float32Array> {
  /** The hidden state of the highest layer at every step, (T, m, D·nh), with both directions side by side. */
  y: Tensor<D>;
  /** The state after the last step: the one that was passed in, or a new one. The caller disposes of it. */
  state: RecurrentState<D>;
  /** With `keepTape`. The caller disposes of it. */
  tape?: RecurrentTape;
}

/** The results of `forward` for a list of sequences. */
export interface ListForwardResult<D extends Float64Array | Float32Array> {
  /** The output of each sequence, (T_b, D·nh). */
  outputs: Tensor<D>[];
  /** The state of each sequence after its last step; in a direction that reads from the end, after its first step. */
  state: RecurrentState<D>;
  /** With `keepTape`. To be disposed of. */
  tape?: RecurrentTape;
}

/** Opens the tape of a pass: absent where none is kept, and in programs that do not train. */
export type NewTape = (stack: Stack, batch: Batch, form: { isList: boolean }) => TapeInProgress;

/** `forward` for a tensor (T, m, nx). */
export function forwardTensor<D extends Float64Array | Float32Array>(
  stack: Stack,
  x: Tensor<D>,
  given: RecurrentState<D> | undefined,
  { out, newTape }: { out?: Tensor<D> | undefined; newTape?: NewTape | undefined },
): ForwardResult<D> {
  const { shape } = stack;
  const { nx } = shape;
  const numbers = numbersOf(shape);
  const n = outputOf(shape);
  const known = given === undefined ? undefined : stateOf("forward", given, shape).m;
  if (!isCube(x, numbers, known, nx)) {
    const origin = given === undefined ? " (from the layer)" : " (from state and layer)";
    checkShape("forward", "x", x, ["T", "m", "nx"], [undefined, known, nx], origin, numbers);
  }
  const [T = 0, m = 0] = x.shape;
  if (out !== undefined && !(isCube(out, numbers, m, n) && out.shape[0] === T)) {
    const letters = ["T", "m", shape.cells.length === 2 ? "2·na" : "na"];
    checkShape("forward", "out", out, letters, [T, m, n], " (from x)", numbers);
  }
  const y = out ?? newTensor<D>("forward: y", [T, m, n], numbers);
  const { data } = x;
  const input: Input = {
    feed: "rows",
    rows(to, first, last) {
      const isWhole = first === 0 && last === T;
      to.set(isWhole ? data : data.subarray(first * m * nx, last * m * nx));
    },
  };
  const output: Output = (rows, first) => y.data.set(rows, first * m * n);
  const form = { newTape, isList: false };
  const { state, tape } = run(stack, { batch: Batch.dense(m, T), input, output }, given, form);
  return tape === undefined ? { y, state } : { y, state, tape };
}

/** `forward` for a list of sequences (T_b, nx). */
export function forwardList<D extends Float64Array | Float32Array>(
  stack: Stack,
  sequences: readonly Tensor<D>[],
  given: RecurrentState<D> | undefined,
  newTape?: NewTape,
): ListForwardResult<D> {
  const { shape } = stack;
  const { nx } = shape;
  const numbers = numbersOf(shape);
  const n = outputOf(shape);
  const m = given === undefined ? undefined : stateOf("forward", given, shape).m;
  const lengths = checkSequences("forward", "x", sequences, { letter: "nx", n: nx, m, numbers });
  const outputs = lengths.map((T) => newTensor<D>("forward: outputs", [T, n], numbers));
  const batch = Batch.ragged(lengths);
  const input: Input = { feed: "rows", rows: listInput(batch, sequences, nx) };
  const output = listOutput(batch, outputs, n);
  const form = { newTape, isList: true };
  const { state, tape } = run(stack, { batch, input, output }, given, form);
  return tape === undefined ? { outputs, state } : { outputs, state, tape };
}

/** Runs a batch from a state, or from zeros. Returns the state after it, and its tape. */
function run<D extends Float64Array | Float32Array>(
  stack: Stack,
  { batch, input, output }: Pick<ForwardCall, "batch" | "input"> & { readonly output: Output },
  given: RecurrentState<D> | undefined,
  { newTape, isList }: { readonly newTape: NewTape | undefined; readonly isList: boolean },
): { state: RecurrentState<D>; tape?: RecurrentTape } {
  const { engine, shape } = stack;
  const state = given ?? createState<D>(engine, shape, batch.m);
  const { at } = stateOf("forward", state, shape);
  let tape: TapeInProgress | undefined;
  try {
    tape = newTape?.(stack, batch, { isList });
    if (batch.order === undefined) forwardStack(stack, { batch, state: at, input, tape }, output);
    else {
      inBatchOrder(stack, batch, at, (sorted) => {
        forwardStack(stack, { batch, state: sorted, input, tape }, output);
      });
    }
  } catch (error) {
    tape?.release();
    if (given === undefined) state.dispose();
    throw error;
  }
  return tape === undefined ? { state } : { state, tape: tape.handle() };
}
