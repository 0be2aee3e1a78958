import { FeatureError } from "../errors.js";
import { describe } from "../tensor.js";
import type { NumberType, Precision } from "../wasm/abi.js";
import type { EngineCore } from "../wasm/engine.js";
import * as sets from "../wasm/kernel_sets.js";
import { type GeneralCells, makeGeneralCell } from "./general.js";

/** Where a layer or model finds its kernels: what is not reachable from here is not shipped. */
export interface KernelChoice {
  numberType(engine: EngineCore, precision: Precision): NumberType;
  general(engine: EngineCore, precision: Precision): GeneralCells;
}

/** All kernels: both precisions, and the general cells. */
export const ALL_KERNELS: KernelChoice = {
  numberType: sets.numberType,
  general: (engine, precision) => ({
    kernels: sets.generalKernels(engine, precision),
    make: makeGeneralCell,
  }),
};

/**
 * Kernels that a program brings by importing them: `float32`, `generalCells` or `generalCellsFloat32`. The standard cells in
 * f64 need none.
 */
export interface Kernels {
  readonly name: "float32" | "generalCells" | "generalCellsFloat32";
}

interface OpenKernels<K> extends Kernels {
  readonly open: (engine: EngineCore) => K;
}

const FLOAT32: OpenKernels<NumberType> = { name: "float32", open: sets.float32 };
const GENERAL: OpenKernels<GeneralCells> = {
  name: "generalCells",
  open: (engine) => ({ kernels: sets.generalFloat64(engine), make: makeGeneralCell }),
};
const GENERAL_FLOAT32: OpenKernels<GeneralCells> = {
  name: "generalCellsFloat32",
  open: (engine) => ({ kernels: sets.generalFloat32(engine), make: makeGeneralCell }),
};

/** The kernels of f32: needed for `precision: "f32"`. */
export const float32: Kernels = FLOAT32;

/**
 * The kernels of general cells in f64: needed for the options `activations`, `clip`, `peepholes`, `inputForget`,
 * `nonlinearity: "relu"` and `resetAfter: false`.
 */
export const generalCells: Kernels = GENERAL;

/** The kernels of general cells in f32, beside `float32`. */
export const generalCellsFloat32: Kernels = GENERAL_FLOAT32;

/**
 * The kernels that a program has brought.
 *
 * @throws {TypeError} for anything but a list of kernels. The choice throws a `FeatureError` where it lacks some.
 */
export function chooseKernels(where: string, brought: readonly Kernels[] = []): KernelChoice {
  const isKernels = (each: unknown) => typeof (each as { open?: unknown })?.open === "function";
  if (!Array.isArray(brought) || !brought.every(isKernels)) {
    const got = Array.isArray(brought) ? "other values in it" : describe(brought);
    throw new TypeError(
      `${where}: kernels: expected a list of kernels that recurra/forward exports, got ${got}`,
    );
  }
  function open<K>(engine: EngineCore, name: Kernels["name"], use: string): K {
    const found = (brought as readonly OpenKernels<K>[]).find((each) => each.name === name);
    if (found !== undefined) return found.open(engine);
    const all = [...brought.map((each) => each.name), name].join(", ");
    throw new FeatureError(
      `${where}: kernels: expected ${name} for ${use}, got none: import ${name} from recurra/forward, and pass { kernels: [${all}] }`,
    );
  }
  return {
    numberType: (engine, precision) =>
      precision === "f64" ? sets.float64(engine) : open(engine, "float32", 'precision "f32"'),
    general: (engine, precision) =>
      open(
        engine,
        precision === "f64" ? "generalCells" : "generalCellsFloat32",
        "a cell or an activation beyond the standard ones",
      ),
  };
}
