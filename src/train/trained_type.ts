import type { BackwardKernels, Floats, NumberType, Precision } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import { float64, trainingKernels } from "../wasm/kernel_sets.js";
import { type LayerKernels, trainerFloat32, trainerKernels } from "../wasm/trainer_kernels.js";

/** The number type of a network that is trained: of its weights, activations and gradients. */
export interface TrainedType extends NumberType {
  readonly engine: EngineCore;
  readonly kernels: BackwardKernels & LayerKernels;
}

/** A number type with the kernels of training. */
export const trainedType = (engine: EngineCore, precision: Precision): TrainedType =>
  precision === "f32"
    ? { ...trainerFloat32(engine), engine }
    : {
        ...float64(engine),
        engine,
        kernels: { ...trainingKernels(engine), ...trainerKernels(engine) },
      };

/** A fresh view of n numbers at a pointer. Valid until the next allocation. */
export const viewOf = (
  { engine, precision }: Pick<TrainedType, "engine" | "precision">,
  pointer: number,
  n: number,
): Floats => engine.arena.view(precision, pointer, n);
