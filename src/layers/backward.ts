import { StateError } from "../errors.js";
import type { BackwardPlan } from "../sequence/backward_plan.js";
import type { Batch } from "../sequence/batch.js";
import { backwardStack } from "../sequence/pass.js";
import { outputOf, type StackShape } from "../sequence/shape.js";
import { checkShape, type Tensor } from "../tensor.js";
import type { Arena } from "../wasm/arena.js";
import {
  type BackwardResult,
  checkResult,
  copyGradient,
  type GradientParts,
  type ListBackwardResult,
  newResult,
} from "./gradients.js";
import { isCube } from "./operands.js";
import { checkLengths, copyNumbers, listInput, listOutput } from "./sequences.js";
import { checkPart, type StateTensors, statePartsOf } from "./state.js";
import type { LayerTape } from "./tape.js";

type DState = Partial<StateTensors<Float64Array>>;

/** The operands of `Recurrent.backward`. */
export interface BackwardOperands {
  readonly dy: Tensor | readonly Tensor[];
  readonly dState: DState;
  readonly out: BackwardResult | ListBackwardResult | undefined;
}

/** `Recurrent.backward`, after the check of its tape. */
export function backward(
  tape: LayerTape,
  parts: GradientParts,
  { dy, dState, out }: BackwardOperands,
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
  if (out !== undefined) checkResult(tape, parts, out);
  const result = out ?? newResult(tape, parts);
  const { dState: initial, gradients } = result;
  const { m, T, rows, order } = batch;
  const { arena } = engine;
  const { nx } = shape;
  const states = statePartsOf(shape, m);
  backwardStack(tape, {
    fill(plan) {
      write(plan.views.dy.at(arena, "f64", plan.dy, rows * outputOf(shape)));
      for (const part of states) {
        const given = dState[part.name]?.data;
        if (given === undefined) continue;
        const inner = stateView(arena, plan, part);
        if (order === undefined) inner.set(given);
        else forEachSequence(part, order, (b, place, n) => copyNumbers(given, b, inner, place, n));
      }
    },
    take(p, block) {
      for (const part of parts[p] as GradientParts[number]) {
        copyGradient(block, part, gradients[part.name] as Tensor);
      }
    },
    collect(plan) {
      for (const part of states) {
        const inner = stateView(arena, plan, part);
        const { data } = initial[part.name] as Tensor;
        if (order === undefined) data.set(inner);
        else forEachSequence(part, order, (b, place, n) => copyNumbers(inner, place, data, b, n));
      }
      const dx = plan.views.dx.at(arena, "f64", plan.dx, rows * nx);
      if (isList) listOutput(batch, (result as ListBackwardResult).dInputs, nx)(dx, 0, T);
      else (result as BackwardResult).dx.data.set(dx);
    },
  });
  return result;
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
  checkLengths(batch, "dy", dy, { letter: shape.cells.length === 2 ? "2·na" : "na", n });
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
  plan.views[name].at(arena, "f64", plan.dState[name], count * m * n);

/** Visits each sequence of a part of a state, with its index in the caller's order and in the batch's. */
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
