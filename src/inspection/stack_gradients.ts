import type { AddNorm } from "../model/add_norm.js";
import { Batch } from "../sequence/batch.js";
import { Layout } from "../sequence/layout.js";
import { backwardStack, forwardStack } from "../sequence/pass.js";
import { outputOf } from "../sequence/shape.js";
import { takeState } from "../sequence/state.js";
import { Tape } from "../sequence/tape.js";
import { ITEM } from "../wasm/abi.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import type { DoubleStack } from "./double_network.js";

/** What the forward pass of one stack leaves for the backward pass. The caller releases the tape. */
export interface StackRecord {
  readonly tape: Tape;
  readonly addNorm: AddNorm | undefined;
  /** The output of the stack's highest layer, (T, n). */
  readonly h: Float64Array;
}

/**
 * Runs stacks over the T rows of one sequence. Each stack adds its record to `records`.
 *
 * @returns the last row of the output of the highest stack
 */
export function runStacks(
  engine: EngineCore,
  stacks: readonly DoubleStack[],
  inputs: Float64Array,
  records: StackRecord[],
): Float64Array {
  let x = inputs;
  let n = 0;
  for (const { stack, addNorm } of stacks) {
    const { nx } = stack.shape;
    n = outputOf(stack.shape);
    const batch = Batch.dense(1, x.length / nx);
    const tape = new Tape(stack, batch);
    const h = new Float64Array(batch.rows * n);
    records.push({ tape, addNorm, h });
    runStack(tape, x, h);
    x = addNorm === undefined ? h : applyAddNorm(engine, addNorm, x, h);
  }
  return x.slice(x.length - n);
}

/** Runs the stack of a tape over rows x, and writes its output. */
function runStack(tape: Tape, x: Float64Array, h: Float64Array): void {
  const { stack, batch } = tape;
  const { engine, shape } = stack;
  const { nx } = shape;
  const n = outputOf(shape);
  const layout = new Layout();
  const at = takeState(layout, shape, 1);
  withScratch(engine.arena, layout.bytes, ({ pointer }) => {
    engine.arena.f64(pointer, layout.bytes / ITEM).fill(0);
    const state = { h: pointer + at.h, c: pointer + at.c };
    const rows = (to: { set(from: Float64Array): void }, first: number, last: number): void =>
      to.set(x.subarray(first * nx, last * nx));
    const call = { batch, state, tape, input: { feed: "rows" as const, rows } };
    forwardStack(stack, call, (part, first) => h.set(part, first * n));
  });
}

/** What follows a layer: its output from its input x and its own output h. */
function applyAddNorm(
  engine: EngineCore,
  addNorm: AddNorm,
  x: Float64Array,
  h: Float64Array,
): Float64Array {
  return withScratch(engine.arena, 2 * h.length * ITEM, ({ pointer }) => {
    const above = pointer + h.length * ITEM;
    if (addNorm.adds) engine.arena.f64(pointer, x.length).set(x);
    engine.arena.f64(above, h.length).set(h);
    addNorm.apply(h.length / addNorm.columns, pointer, above, above);
    return engine.arena.f64(above, h.length).slice();
  });
}

/** The gradient of h from that of the output, in place; y = gain·(h − mean)·f + bias, as in assembly/nn/layer_norm.ts. */
function backThroughNorm(
  { parameters, columns: n, epsilon }: AddNorm,
  h: Float64Array,
  dy: Float64Array,
) {
  if (parameters.length === 0) return;
  for (let first = 0; first < h.length; first += n) {
    const row = h.subarray(first, first + n);
    const mean = row.reduce((sum, value) => sum + value, 0) / n;
    const squares = row.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const factor = 1 / Math.sqrt(squares / n + epsilon);
    const normal = row.map((value) => (value - mean) * factor);
    const d = dy.subarray(first, first + n);
    d.forEach((value, j) => {
      d[j] = value * (parameters[j] as number);
    });
    const sum = d.reduce((all, value) => all + value, 0) / n;
    const product = d.reduce((all, value, j) => all + value * (normal[j] as number), 0) / n;
    d.forEach((value, j) => {
      d[j] = factor * (value - sum - (normal[j] as number) * product);
    });
  }
}

/** Back through the stacks: from the gradient of the last output to those of all inputs, (T, nx). */
export function backThroughStacks(
  engine: EngineCore,
  records: readonly StackRecord[],
  last: Float64Array,
): Float64Array {
  const top = (records.at(-1) as StackRecord).h;
  let gradients: Float64Array = new Float64Array(top.length);
  gradients.set(last, top.length - last.length);
  for (const { tape, addNorm, h } of [...records].reverse()) {
    const { batch, stack } = tape;
    const above = gradients.slice();
    if (addNorm !== undefined) backThroughNorm(addNorm, h, gradients);
    const dh = gradients;
    gradients = backwardStack(tape, {
      fill: ({ dy }) => engine.arena.f64(dy, dh.length).set(dh),
      take: () => undefined,
      collect: ({ dx }) => engine.arena.f64(dx, batch.rows * stack.shape.nx).slice(),
    });
    if (!addNorm?.adds) continue;
    above.forEach((value, i) => {
      gradients[i] = (gradients[i] as number) + value;
    });
  }
  return gradients;
}
