import { ShapeError } from "./errors.js";
import { ManagedModule } from "./wasm/managed.js";

/** Element-wise functions and reductions of a Float64Array. A result is the caller's own copy; no argument is changed. */
export interface Arrays {
  /** `1 / (1 + e^−x)` of each element. */
  sigmoid(x: Float64Array): Float64Array;
  /** The hyperbolic tangent of each element. */
  tanh(x: Float64Array): Float64Array;
  /** `e^xᵢ / Σ e^xⱼ`: positive, sum 1, shifted by the maximum so that no term overflows. */
  softmax(x: Float64Array): Float64Array;
  /** `xᵢ − log Σ e^xⱼ`, without the loss of `log(softmax(x))`. */
  logSoftmax(x: Float64Array): Float64Array;
  /** `log Σ e^xⱼ`, shifted by the maximum. */
  logSumExp(x: Float64Array): number;
  /** Package, compiler, instruction set and number type of the wasm: `"recurra 1.2.3, AssemblyScript 1.2.3, simd128, f64"`. */
  buildInfo(): string;
}

export interface ArraysOptions {
  /** The bytes of `arrays.wasm`. Default: the copy inside this package. */
  wasm?: BufferSource | undefined;
}

/** Longest x: AssemblyScript's allocator serves blocks below 1 GiB. */
const MAX_LENGTH = 2 ** 27 - 16;

function kind(value: unknown): string {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** By tag and not by `instanceof`: an array from another realm (an iframe, a test runner's sandbox) is as good. */
function checkOperand(where: string, x: unknown, atLeast: number): void {
  if (!ArrayBuffer.isView(x) || kind(x) !== "Float64Array") {
    throw new TypeError(`${where}: x: expected Float64Array, got ${kind(x)}`);
  }
  const n = x.byteLength / 8;
  if (n < atLeast || n > MAX_LENGTH) {
    throw new ShapeError(
      `${where}: x: expected (n) with ${atLeast} ≤ n ≤ ${MAX_LENGTH}, got (${n})`,
    );
  }
}

function bind(module: ManagedModule): Arrays {
  return {
    sigmoid(x) {
      checkOperand("sigmoid", x, 0);
      return module.call("sigmoid", (functions) => functions.sigmoid(x));
    },
    tanh(x) {
      checkOperand("tanh", x, 0);
      return module.call("tanh", (functions) => functions.tanh(x));
    },
    softmax(x) {
      checkOperand("softmax", x, 1);
      return module.call("softmax", (functions) => functions.softmax(x));
    },
    logSoftmax(x) {
      checkOperand("logSoftmax", x, 1);
      return module.call("logSoftmax", (functions) => functions.logSoftmax(x));
    },
    logSumExp(x) {
      checkOperand("logSumExp", x, 1);
      return module.call("logSumExp", (functions) => functions.logSumExp(x));
    },
    buildInfo: () => module.call("buildInfo", (functions) => functions.buildInfo()),
  };
}

/**
 * Opens an instance of the arrays module. Each call copies x into WebAssembly memory and its result out of it, which
 * costs more than the arithmetic does: convenience functions, not for the inner loop.
 *
 * The functions throw `TypeError` if x is not a Float64Array; `ShapeError` if it is too long, or empty where a
 * maximum is needed (`softmax`, `logSoftmax`, `logSumExp`, as in numpy); `RangeError` if memory runs out.
 */
export async function createArrays(options: ArraysOptions = {}): Promise<Arrays> {
  return bind(await ManagedModule.open(options.wasm));
}

/** As `createArrays`, at once. In a page prefer `createArrays`: some browsers refuse to compile on the main thread. */
export function createArraysSync(options: ArraysOptions = {}): Arrays {
  return bind(ManagedModule.openSync(options.wasm));
}
