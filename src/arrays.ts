/**
 * Element-wise functions and reductions of plain `Float64Array`s.
 *
 * @module recurra/arrays
 */
import { ShapeError } from "./errors.js";
import { checkOptions, type OptionNames } from "./options.js";
import { describe, isDetached, isNumbers } from "./tensor.js";
import { type ArraysSource, ManagedModule } from "./wasm/managed.js";

export type { ArraysSource } from "./wasm/managed.js";

/** Element-wise functions and reductions of a Float64Array. A result is a copy that the caller owns; x is not changed. */
export interface Arrays {
  /** `1 / (1 + e^−x)` of each element. */
  sigmoid(x: Float64Array): Float64Array;
  /** The hyperbolic tangent of each element. */
  tanh(x: Float64Array): Float64Array;
  /** `e^xᵢ / Σ e^xⱼ`: positive, with sum 1; shifted by the maximum so that no term overflows. */
  softmax(x: Float64Array): Float64Array;
  /** `xᵢ − log Σ e^xⱼ`, without the loss of accuracy of `log(softmax(x))`. */
  logSoftmax(x: Float64Array): Float64Array;
  /** `log Σ e^xⱼ`, shifted by the maximum. */
  logSumExp(x: Float64Array): number;
  /** Package, compiler, instruction set and number type of the wasm: `"recurra 1.2.3, AssemblyScript 1.2.3, simd128, f64"`. */
  buildInfo(): string;
}

/** Options of {@link createArrays}. */
export interface ArraysOptions {
  /** The bytes of `arrays.wasm`, or the `WebAssembly.Module`. Default: the copy inside this package. */
  wasm?: ArraysSource | undefined;
}

const OPTIONS: OptionNames<ArraysOptions> = { wasm: true };

/** The longest x: AssemblyScript's allocator serves blocks below 1 GiB. */
const MAX_LENGTH = 2 ** 27 - 16;

function checkOperand(where: string, x: unknown, atLeast: number): asserts x is Float64Array {
  if (!isNumbers(x, Float64Array)) {
    throw new TypeError(`${where}: x: expected Float64Array, got ${describe(x)}`);
  }
  if (isDetached(x)) throw new TypeError(`${where}: x: its buffer is detached`);
  const n = x.length;
  if (n < atLeast || n > MAX_LENGTH) {
    throw new ShapeError(
      `${where}: x: expected (n) with ${atLeast} ≤ n ≤ ${MAX_LENGTH}, got (${n})`,
    );
  }
}

function bind(module: ManagedModule): Arrays {
  const checked =
    <N extends keyof Arrays>(name: N, atLeast: number) =>
    (x: Float64Array): ReturnType<Arrays[N]> => {
      checkOperand(name, x, atLeast);
      return module.call(name, (functions) => functions[name](x) as ReturnType<Arrays[N]>);
    };
  return {
    sigmoid: checked("sigmoid", 0),
    tanh: checked("tanh", 0),
    softmax: checked("softmax", 1),
    logSoftmax: checked("logSoftmax", 1),
    logSumExp: checked("logSumExp", 1),
    buildInfo: () => module.call("buildInfo", (functions) => functions.buildInfo()),
  };
}

/**
 * Opens an instance of the arrays module. Each call copies x into WebAssembly memory and the result out of it, which
 * costs more than the arithmetic: these functions are for convenience, not for an inner loop.
 *
 * The functions throw `TypeError` if x is not a Float64Array or its buffer is detached; `ShapeError` if it is too long,
 * or empty where a maximum is needed (`softmax`, `logSoftmax`, `logSumExp`, as in numpy); `RangeError` if memory runs out.
 */
export async function createArrays(options: ArraysOptions = {}): Promise<Arrays> {
  checkOptions("createArrays", options, OPTIONS);
  return bind(await ManagedModule.open("createArrays", options.wasm));
}

/** As `createArrays`, synchronously. In a page prefer `createArrays`: some browsers refuse to compile on the main thread. */
export function createArraysSync(options: ArraysOptions = {}): Arrays {
  checkOptions("createArraysSync", options, OPTIONS);
  return bind(ManagedModule.openSync("createArraysSync", options.wasm));
}
