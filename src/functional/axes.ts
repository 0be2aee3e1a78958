import type { Tensor } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import { outputKernels } from "../wasm/kernel_sets.js";

// The functions' tensors have time last, (n, m, T), as in the exercise; the engine works time-major, (T, m, n). One becomes
// the other by reversing the axes. A `stage` is scratch memory for a tensor between the two.

/** Writes a tensor (n, m, T) or (n, m) to `target` as (T, m, n). */
export function write(
  engine: EngineCore,
  { shape, data }: Tensor,
  stage: number,
  target: number,
): void {
  if (data.length === 0) return;
  const [n = 0, m = 0, T = 1] = shape;
  engine.arena.f64(stage, data.length).set(data);
  outputKernels(engine).reverse_axes(n, m, T, stage, target);
}

/** Reads (T, m, n) at `source` as a tensor of `shape` (n, m, T) or (n, m). */
export function read(
  engine: EngineCore,
  shape: readonly number[],
  source: number,
  stage: number,
): Tensor {
  const [n = 0, m = 0, T = 1] = shape;
  if (n * m * T > 0) outputKernels(engine).reverse_axes(T, m, n, source, stage);
  return { shape, data: engine.arena.f64(stage, n * m * T).slice() };
}

/** Bytes of a stage for tensors of at most `elements` elements. */
export const stageBytes = (elements: number): number => elements * ITEM;
