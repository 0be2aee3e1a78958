import { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { outputOf } from "../sequence/shape.js";
import { forwardStack, type Output, type Stack } from "../sequence/stack.js";
import { inBatchOrder } from "../sequence/state.js";
import { checkShape, type Tensor } from "../tensor.js";
import { isCube, numbersOf } from "./operands.js";
import { checkSequences, listInput, listOutput } from "./sequences.js";
import { createState, type RecurrentState, stateOf } from "./state.js";
import { LayerTape, RecurrentTape } from "./tape.js";

export interface ListForwardOptions {
  /** Keeps what `backward` needs. f64 only. Default false. */
  readonly keepTape?: boolean;
}

export interface ForwardOptions<D extends Float64Array | Float32Array> extends ListForwardOptions {
  /** (T, m, D·nh): written and returned as `y`, in place of a new tensor. */
  readonly out?: Tensor<D>;
}

export interface ForwardResult<D extends Float64Array | Float32Array> {
  /** Every step's hidden state in the highest layer, (T, m, D·nh): both directions side by side. */
  y: Tensor<D>;
  /** The state after the last step: the given one, or a new one. To be disposed of. */
  state: RecurrentState<D>;
  /** With `keepTape`. To be disposed of. */
  tape?: RecurrentTape;
}

export interface ListForwardResult<D extends Float64Array | Float32Array> {
  /** One for each sequence, (T_b, D·nh). */
  outputs: Tensor<D>[];
  /** What each sequence has reached at its own end; in a direction that reads from the end, at its beginning. */
  state: RecurrentState<D>;
  tape?: RecurrentTape;
}

/** `Recurrent.forward` for a tensor (T, m, nx). */
export function forwardTensor<D extends Float64Array | Float32Array>(
  stack: Stack,
  x: Tensor<D>,
  state: RecurrentState<D> | undefined,
  { out, keepTape = false }: ForwardOptions<D>,
): ForwardResult<D> {
  const where = "forward";
  const { shape } = stack;
  const { nx } = shape;
  const numbers = numbersOf(shape);
  const n = outputOf(shape);
  const known = state === undefined ? undefined : stateOf(where, state, shape).m;
  if (!isCube(x, numbers, known, nx)) {
    const origin = state === undefined ? " (from the layer)" : " (from state and layer)";
    checkShape(where, "x", x, ["T", "m", "nx"], [undefined, known, nx], origin, numbers);
  }
  const [T = 0, m = 0] = x.shape;
  if (out !== undefined && !(isCube(out, numbers, m, n) && out.shape[0] === T)) {
    const letters = ["T", "m", shape.cells.length === 2 ? "2·na" : "na"];
    checkShape(where, "out", out, letters, [T, m, n], " (from x)", numbers);
  }
  const y = out ?? { shape: [T, m, n], data: new numbers(T * m * n) as D };
  const { data } = x;
  const input: Input = {
    feed: "rows",
    rows(to, first, last) {
      const isWhole = first === 0 && last === T;
      to.set(isWhole ? data : data.subarray(first * m * nx, last * m * nx));
    },
  };
  const output: Output = (rows, first) => y.data.set(rows, first * m * n);
  const batch = Batch.dense(m, T);
  const run = { batch, input, output, state, keepTape, isList: false };
  return { y, ...runBatch(stack, run) };
}

/** `Recurrent.forward` for a list of sequences (T_b, nx). */
export function forwardList<D extends Float64Array | Float32Array>(
  stack: Stack,
  sequences: readonly Tensor<D>[],
  state: RecurrentState<D> | undefined,
  { keepTape = false }: ListForwardOptions,
): ListForwardResult<D> {
  const where = "forward";
  const { shape } = stack;
  const numbers = numbersOf(shape);
  const { nx } = shape;
  const known = state === undefined ? undefined : stateOf(where, state, shape).m;
  const lengths = checkSequences(where, "x", sequences, { letter: "nx", n: nx, m: known, numbers });
  const batch = Batch.ragged(lengths);
  const n = outputOf(shape);
  const outputs = lengths.map((T) => ({ shape: [T, n], data: new numbers(T * n) as D }));
  const input: Input = { feed: "rows", rows: listInput(batch, sequences, nx) };
  const output = listOutput(batch, outputs, n);
  return { outputs, ...runBatch(stack, { batch, input, output, state, keepTape, isList: true }) };
}

interface Run<D extends Float64Array | Float32Array> {
  readonly batch: Batch;
  readonly input: Input;
  readonly output: Output;
  /** Where to begin; zeros where absent. */
  readonly state: RecurrentState<D> | undefined;
  readonly keepTape: boolean;
  readonly isList: boolean;
}

/** Runs a batch; returns the state that it leaves, and its tape. */
function runBatch<D extends Float64Array | Float32Array>(
  stack: Stack,
  { batch, input, output, state, keepTape, isList }: Run<D>,
): { state: RecurrentState<D>; tape?: RecurrentTape } {
  const { shape } = stack;
  const own = state ?? createState<D>(stack.engine, shape, batch.m);
  let tape: LayerTape | undefined;
  try {
    if (keepTape) tape = new LayerTape(stack, batch, { isList });
    const { at } = stateOf("forward", own, shape);
    inBatchOrder(stack, batch, at, (sorted) => {
      forwardStack(stack, { batch, state: sorted, input, tape }, output);
    });
  } catch (error) {
    tape?.release();
    if (state === undefined) own.dispose();
    throw error;
  }
  return tape === undefined ? { state: own } : { state: own, tape: new RecurrentTape(tape) };
}
