import { Batch } from "../sequence/batch.js";
import type { Input } from "../sequence/input.js";
import { outputOf, type StackShape } from "../sequence/shape.js";
import { forwardStack, type Output, type Stack } from "../sequence/stack.js";
import { inBatchOrder } from "../sequence/state.js";
import { Tape } from "../sequence/tape.js";
import { checkShape, type Numbers, type Tensor } from "../tensor.js";
import type { Engine } from "../wasm/engine.js";
import { checkSequences, listInput, listOutput } from "./sequences.js";
import { RecurrentState } from "./state.js";
import { RecurrentTape } from "./tape.js";

export interface ForwardOptions<D extends Float64Array | Float32Array> {
  /** (T, m, D·nh): written and returned as `y`, in place of a new tensor. */
  readonly out?: Tensor<D>;
  /** Keeps what `backward` needs. f64 only. */
  readonly keepTape?: boolean;
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

const numbersOf = ({ dtype }: StackShape): Numbers =>
  dtype.precision === "f64" ? Float64Array : Float32Array;

/** What `Recurrent.forward` does with a tensor (T, m, nx). */
export function forwardTensor<D extends Float64Array | Float32Array>(
  engine: Engine,
  stack: Stack,
  x: Tensor<D>,
  state: RecurrentState<D> | undefined,
  { out, keepTape = false }: ForwardOptions<D>,
): ForwardResult<D> {
  const { shape } = stack;
  const numbers = numbersOf(shape);
  const { nx } = shape;
  const width = outputOf(shape);
  const origin = state === undefined ? " (from the layer)" : " (from state and layer)";
  checkShape("forward", "x", x, ["T", "m", "nx"], [undefined, state?.m, nx], origin, numbers);
  const [T = 0, m = 0] = x.shape;
  if (out !== undefined) {
    const letters = ["T", "m", shape.cells.length === 2 ? "2·na" : "na"];
    checkShape("forward", "out", out, letters, [T, m, width], " (from x)", numbers);
  }
  const y = out ?? { shape: [T, m, width], data: new numbers(T * m * width) as D };
  const input: Input = {
    feed: "rows",
    rows: (to, first, last) => to.set(x.data.subarray(first * m * nx, last * m * nx)),
  };
  const output: Output = (first, last, pointer) => {
    const length = (last - first) * m * width;
    y.data.set(engine.arena.view(shape.dtype.precision, pointer, length), first * m * width);
  };
  return { y, ...run(engine, stack, Batch.dense(m, T), state, input, output, keepTape, false) };
}

/** What `Recurrent.forward` does with a list of sequences (T_b, nx). */
export function forwardList<D extends Float64Array | Float32Array>(
  engine: Engine,
  stack: Stack,
  sequences: readonly Tensor<D>[],
  state: RecurrentState<D> | undefined,
  { keepTape = false }: ForwardOptions<D>,
): ListForwardResult<D> {
  const { shape } = stack;
  const numbers = numbersOf(shape);
  const { nx, dtype } = shape;
  const lengths = checkSequences("forward", "x", sequences, "nx", nx, state?.m, numbers);
  const batch = Batch.ragged(lengths);
  const n = outputOf(shape);
  const outputs = lengths.map((T) => ({ shape: [T, n], data: new numbers(T * n) as D }));
  const input: Input = { feed: "rows", rows: listInput(batch, sequences, nx) };
  const output = listOutput(batch, outputs, n, (pointer, length) =>
    engine.arena.view(dtype.precision, pointer, length),
  );
  return { outputs, ...run(engine, stack, batch, state, input, output, keepTape, true) };
}

/** Runs from `state`, or from zeros, and gives what is left of it. */
function run<D extends Float64Array | Float32Array>(
  engine: Engine,
  stack: Stack,
  batch: Batch,
  state: RecurrentState<D> | undefined,
  input: Input,
  output: Output,
  keepTape: boolean,
  listed: boolean,
): { state: RecurrentState<D>; tape?: RecurrentTape } {
  const own = state ?? new RecurrentState<D>(engine, stack.shape, batch.m);
  let tape: Tape | undefined;
  try {
    if (keepTape) tape = new Tape(stack, batch);
    inBatchOrder(engine, { shape: stack.shape, batch }, own.pointers(), (sorted) => {
      forwardStack(stack, { batch, state: sorted, input, output, tape });
    });
    if (tape === undefined) return { state: own };
    return { state: own, tape: new RecurrentTape(engine, tape, listed) };
  } catch (error) {
    tape?.release();
    if (state === undefined) own.dispose();
    throw error;
  }
}
