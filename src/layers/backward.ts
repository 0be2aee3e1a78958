import { ShapeError, StateError } from "../errors.js";
import type { Batch } from "../sequence/batch.js";
import type { BackwardPlan } from "../sequence/plan.js";
import { outputOf, type StackShape } from "../sequence/shape.js";
import { backwardStack } from "../sequence/stack.js";
import { checkShape, type Tensor } from "../tensor.js";
import type { Arena } from "../wasm/arena.js";
import { isCube } from "./operands.js";
import { checkSequences, copyRow, listInput, listOutput } from "./sequences.js";
import { checkPart, type StateTensors, statePartsOf } from "./state.js";
import type { LayerTape } from "./tape.js";
import { addGradients, type LayerGradients } from "./weights.js";

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

/** `Recurrent.backward`, once its tape is known to be right. */
export function backward(
  tape: LayerTape,
  dy: Tensor | readonly Tensor[],
  dState: DState,
): BackwardResult | ListBackwardResult {
  const { batch, isList } = tape;
  const { engine, shape } = tape.stack;
  if (isList !== Array.isArray(dy)) {
    const form = isList ? "a list of sequences" : "one tensor (T, m, nx)";
    throw new StateError(`backward: dy: expected the form of the forward pass, ${form}`);
  }
  const write = isList
    ? checkList(shape, batch, dy as readonly Tensor[])
    : checkDense(shape, batch, dy as Tensor);
  checkStateGradient(shape, batch, dState);
  const gradients = {} as LayerGradients;
  const { m, T, rows, order } = batch;
  const { arena } = engine;
  const { nx } = shape;
  const parts = statePartsOf(shape, m);
  return backwardStack<BackwardResult | ListBackwardResult>(tape, {
    fill(plan) {
      write(plan.outputView.at(arena, "f64", plan.dy, rows * outputOf(shape)));
      for (const part of parts) {
        const given = dState[part.name]?.data;
        if (given === undefined) continue;
        const inner = stateView(arena, plan, part);
        if (order === undefined) inner.set(given);
        else forEachSequence(part, order, (b, place, n) => copyRow(given, b, inner, place, n));
      }
    },
    take(p, block) {
      addGradients(gradients, shape, p, block);
    },
    collect(plan) {
      const initial = {} as StateTensors<Float64Array>;
      for (const part of parts) {
        const inner = stateView(arena, plan, part);
        const data = inner.slice();
        if (order !== undefined) {
          forEachSequence(part, order, (b, place, n) => copyRow(inner, place, data, b, n));
        }
        initial[part.name] = { shape: part.shape, data };
      }
      const dx = plan.inputView.at(arena, "f64", plan.dx, rows * nx);
      if (isList) return { dInputs: readList(shape, batch, dx), dState: initial, gradients };
      return { dx: { shape: [T, m, nx], data: dx.slice() }, dState: initial, gradients };
    },
  });
}

type Write = (dy: Float64Array) => void;

function checkDense(shape: StackShape, { m, T }: Batch, dy: Tensor): Write {
  const n = outputOf(shape);
  if (!isCube(dy, Float64Array, m, n) || dy.shape[0] !== T) {
    const letter = shape.cells.length === 2 ? "2·na" : "na";
    checkShape("backward", "dy", dy, ["T", "m", letter], [T, m, n], " (from the tape)");
  }
  return (target) => target.set(dy.data);
}

function checkList(shape: StackShape, batch: Batch, dy: readonly Tensor[]): Write {
  const n = outputOf(shape);
  const letter = shape.cells.length === 2 ? "2·na" : "na";
  const sizes = { letter, n, m: batch.m, numbers: Float64Array };
  const lengths = checkSequences("backward", "dy", dy, sizes);
  batch.lengths().forEach((T, place) => {
    const b = batch.order?.[place] ?? place;
    if (lengths[b] === T) return;
    throw new ShapeError(
      `backward: dy[${b}]: expected (T, ${letter}) with T = ${T}, ${letter} = ${n} (from the tape), got (${lengths[b]}, ${n})`,
    );
  });
  return (target) => listInput(batch, dy, n)(target, 0, batch.T);
}

function checkStateGradient(shape: StackShape, { m }: Batch, dState: DState): void {
  for (const { name } of statePartsOf(shape, m)) {
    const given = dState[name];
    if (given === undefined) continue;
    checkPart("backward", `dState.${name}`, given, shape, { m, origin: " (from the tape)" });
  }
}

type Part = ReturnType<typeof statePartsOf>[number];

const stateView = (arena: Arena, plan: BackwardPlan, { name, shape: [count, m, n] }: Part) =>
  plan.stateViews[name].at(arena, "f64", plan.dState[name], count * m * n);

/** Visits each sequence of a part of a state: its row in the caller's order and in the batch's. */
function forEachSequence(
  { shape: [count, m, n] }: Part,
  order: Int32Array,
  visit: (row: number, place: number, n: number) => void,
): void {
  for (let at = 0; at < count * m; at++) {
    const place = at % m;
    visit((at - place + (order[place] as number)) * n, at * n, n);
  }
}

function readList({ nx }: StackShape, batch: Batch, dx: Float64Array): Tensor[] {
  const sequences: Tensor[] = [];
  batch.lengths().forEach((T, place) => {
    const b = batch.order?.[place] ?? place;
    sequences[b] = { shape: [T, nx], data: new Float64Array(T * nx) };
  });
  listOutput(batch, sequences, nx)(dx, 0, batch.T);
  return sequences;
}
