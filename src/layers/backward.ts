import { ShapeError, StateError } from "../errors.js";
import type { Batch } from "../sequence/batch.js";
import { outputOf, type StackShape } from "../sequence/shape.js";
import { backwardStack } from "../sequence/stack.js";
import type { StackState } from "../sequence/state.js";
import type { Tape } from "../sequence/tape.js";
import { checkShape, type Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import type { Engine } from "../wasm/engine.js";
import { checkSequences, listInput, listOutput } from "./sequences.js";
import { checkPart, type StateTensors, statePartsOf } from "./state.js";
import { type LayerGradients, namedGradients } from "./weights.js";

interface Gradients {
  /** Of the initial state. */
  dState: StateTensors<Float64Array>;
  /** Under the weights' names. */
  gradients: LayerGradients;
}

export interface BackwardResult extends Gradients {
  /** (T, m, nx). */
  dx: Tensor;
}

export interface ListBackwardResult extends Gradients {
  /** One for each sequence, (T_b, nx). */
  dInputs: Tensor[];
}

type DState = Partial<StateTensors<Float64Array>>;

/** What `Recurrent.backward` does, once it has its tape. */
export function backward(
  engine: Engine,
  tape: Tape,
  listed: boolean,
  dy: Tensor | readonly Tensor[],
  dState: DState,
): BackwardResult | ListBackwardResult {
  const { batch } = tape;
  const { shape } = tape.stack;
  if (listed !== Array.isArray(dy)) {
    const form = listed ? "a list of sequences" : "one tensor (T, m, nx)";
    throw new StateError(`backward: dy: expected the form of the forward pass, ${form}`);
  }
  const fill = listed
    ? checkList(shape, batch, dy as readonly Tensor[])
    : checkDense(shape, batch, dy as Tensor);
  checkStateGradient(shape, batch, dState);
  const gradients: Record<string, Tensor> = {};
  return backwardStack(tape, {
    fill(at) {
      fill(engine, at.dy);
      eachState(engine, shape, batch, at.dState, dState, (given, inner) => inner.set(given));
    },
    take(p, arrays) {
      const D = shape.cells.length;
      for (const [name, value] of namedGradients(shape, Math.floor(p / D), p % D, arrays)) {
        gradients[name] = value;
      }
    },
    collect(at) {
      const initial = Object.fromEntries(
        statePartsOf(shape, batch.m).map(({ name, shape }) => {
          const size = shape.reduce((product, extent) => product * extent, 1);
          return [name, { shape, data: new Float64Array(size) }];
        }),
      ) as unknown as StateTensors<Float64Array>;
      eachState(engine, shape, batch, at.dState, initial, (outer, inner) => outer.set(inner));
      const shared = { dState: initial, gradients: gradients as unknown as LayerGradients };
      if (listed) return { dInputs: readList(engine, shape, batch, at.dx), ...shared };
      const { m, T } = batch;
      const data = engine.arena.f64(at.dx, T * m * shape.nx).slice();
      return { dx: { shape: [T, m, shape.nx], data }, ...shared };
    },
  });
}

type Fill = (engine: Engine, dy: number) => void;

function checkDense(shape: StackShape, { m, T }: Batch, dy: Tensor): Fill {
  const letter = shape.cells.length === 2 ? "2·na" : "na";
  checkShape("backward", "dy", dy, ["T", "m", letter], [T, m, outputOf(shape)], " (from the tape)");
  return ({ arena }, pointer) => arena.f64(pointer, dy.data.length).set(dy.data);
}

function checkList(shape: StackShape, batch: Batch, dy: readonly Tensor[]): Fill {
  const n = outputOf(shape);
  const letter = shape.cells.length === 2 ? "2·na" : "na";
  const lengths = checkSequences("backward", "dy", dy, letter, n, batch.m, Float64Array);
  batch.lengths().forEach((T, place) => {
    const b = batch.order?.[place] ?? place;
    if (lengths[b] === T) return;
    throw new ShapeError(
      `backward: dy[${b}]: expected (T, ${letter}) with T = ${T}, ${letter} = ${n} (from the tape), got (${lengths[b]}, ${n})`,
    );
  });
  return ({ arena }, pointer) => {
    listInput(batch, dy, n)(arena.f64(pointer, batch.rows * n), 0, batch.T);
  };
}

function checkStateGradient(shape: StackShape, { m }: Batch, dState: DState): void {
  for (const part of statePartsOf(shape, m)) {
    const given = dState[part.name];
    if (given === undefined) continue;
    const name = `dState.${part.name}`;
    checkPart("backward", name, given, part.shape, " (from the tape)", Float64Array);
  }
}

/** Leads each sequence's part of a state from the caller's order to the batch's. */
function eachState(
  { arena }: Engine,
  shape: StackShape,
  batch: Batch,
  at: StackState,
  tensors: DState,
  visit: (outer: Float64Array, inner: Float64Array) => void,
): void {
  const { m, order } = batch;
  for (const { name, shape: extents } of statePartsOf(shape, m)) {
    const data = tensors[name]?.data;
    const [passes = 0, , n = 0] = extents;
    if (data === undefined) continue;
    for (let p = 0; p < passes; p++) {
      const inner = arena.f64(at[name] + p * m * n * ITEM, m * n);
      if (order === undefined) {
        visit(data.subarray(p * m * n, (p + 1) * m * n), inner);
        continue;
      }
      for (let place = 0; place < m; place++) {
        const b = p * m + (order[place] as number);
        visit(data.subarray(b * n, (b + 1) * n), inner.subarray(place * n, (place + 1) * n));
      }
    }
  }
}

function readList({ arena }: Engine, { nx }: StackShape, batch: Batch, dx: number): Tensor[] {
  const sequences: Tensor[] = [];
  batch.lengths().forEach((T, place) => {
    const b = batch.order?.[place] ?? place;
    sequences[b] = { shape: [T, nx], data: new Float64Array(T * nx) };
  });
  listOutput(batch, sequences, nx, (pointer, length) => arena.f64(pointer, length))(0, batch.T, dx);
  return sequences;
}
