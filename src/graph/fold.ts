import type { Floats } from "../wasm/abi.js";
import { type EngineCore, withScratch } from "../wasm/engine.js";
import { Constants } from "./constants.js";
import { lower } from "./lower/lower.js";
import { Lowering } from "./lower/lowering.js";
import { addressOf } from "./lower/view.js";
import { moved } from "./moves.js";
import type { Operation } from "./operation.js";
import { allocate } from "./value.js";

/**
 * The numbers of an operation all of whose inputs are known. What is computed comes from the kernels that a run would use:
 * there is no second evaluator. Linear memory holds the numbers only while this runs.
 */
export function fold(engine: EngineCore, op: Operation): readonly Floats[] {
  const numbers = moved(op);
  if (numbers !== undefined) return [numbers];
  const constants = new Constants(engine);
  try {
    const uses = new Map(op.outputs.map((value) => [value, 1]));
    const lowering = new Lowering(engine, constants, uses);
    lower(lowering, op);
    const views = op.outputs.map((value) => lowering.dense(value));
    for (const view of views) lowering.keep(view);
    return withScratch(engine.arena, lowering.plan(), ({ pointer, bytes }) => {
      // Buffers that are kept begin as zeros.
      engine.arena.i32(pointer, bytes / 4).fill(0);
      for (const run of lowering.bind(pointer)) run();
      return op.outputs.map(({ precision, size }, i) => {
        const numbers = allocate(precision, size);
        const at = addressOf(views[i] as (typeof views)[number], pointer);
        numbers.set(engine.arena.view(precision, at, size));
        return numbers;
      });
    });
  } finally {
    constants.release();
  }
}
