import { checkOptions, type OptionNames } from "../options.js";
import { isNumbers } from "../tensor.js";
import { ITEM } from "../wasm/abi.js";
import { type Block, Shared } from "../wasm/arena.js";
import { trainerFloat32, trainerKernels } from "../wasm/trainer_kernels.js";
import type { OutputPart } from "./architecture.js";
import { checkInteger, checkNumber, shown } from "./checks.js";
import type { TrainedType } from "./trained_type.js";

/** Cross-entropy of the softmax of the outputs against class ids: torch.nn.CrossEntropyLoss. */
export interface CrossEntropyOptions {
  readonly name: "crossEntropy";
  /** ε: the target distribution is 1 − ε at the class and ε / size everywhere. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** A weight for each class. Default: ones. */
  readonly classWeights?: ArrayLike<number> | undefined;
  /** The id that marks a step without a target. Default −1. */
  readonly ignore?: number | undefined;
}

/** Mean squared error: torch.nn.MSELoss. */
export interface SquaredErrorOptions {
  readonly name: "mse";
}

/** Binary cross-entropy of each output as a logit: torch.nn.BCEWithLogitsLoss. */
export interface BinaryCrossEntropyOptions {
  readonly name: "bce";
  /** For each output the weight of its positive targets. Default: ones. */
  readonly positiveWeights?: ArrayLike<number> | undefined;
}

/** A loss by its name, or with its options. */
export type LossOptions =
  | "crossEntropy"
  | "mse"
  | "bce"
  | CrossEntropyOptions
  | SquaredErrorOptions
  | BinaryCrossEntropyOptions;

type Options = CrossEntropyOptions | SquaredErrorOptions | BinaryCrossEntropyOptions;

const NAMES: Readonly<Record<Options["name"], readonly string[]>> = {
  crossEntropy: ["name", "labelSmoothing", "classWeights", "ignore"],
  mse: ["name"],
  bce: ["name", "positiveWeights"],
};

function weightsOf(
  where: string,
  given: ArrayLike<number> | undefined,
  size: number,
): Float64Array | undefined {
  if (given === undefined) return undefined;
  const isList =
    Array.isArray(given) || isNumbers(given, Float64Array) || isNumbers(given, Float32Array);
  if (!isList) throw new TypeError(`${where}: expected numbers, got ${shown(given)}`);
  if (given.length !== size) {
    throw new RangeError(
      `${where}: expected ${size} numbers, one for each output, got ${given.length}`,
    );
  }
  const numbers = Float64Array.from(given);
  for (const [i, value] of numbers.entries()) checkNumber(`${where}[${i}]`, value, { least: 0 });
  return numbers;
}

/** The rows of one pass whose outputs the loss compares with targets: pointers. */
export interface LossRows {
  readonly rows: number;
  /** In: (rows, size); out: its gradient. */
  readonly outputs: number;
  /** (rows), i32, or (rows, size), f64. */
  readonly targets: number;
  /** The factor of each row, (rows). */
  readonly scales: number;
  /** Out: (rows). */
  readonly loss: number;
}

/** Rows of f32 outputs that are converted at a time. */
const CONVERTED_ROWS = 256;

/** A loss over the outputs of a network. It is computed in f64, also of f32 outputs. */
export class Loss extends Shared {
  readonly name: Options["name"];
  readonly size: number;
  /** The id without a target. */
  readonly ignore: number;
  /** Of classes, or of positive targets. */
  readonly weights: Float64Array | undefined;
  readonly #dtype: TrainedType;
  readonly #smoothing: number;
  readonly #block: Block | undefined;
  /** Of f32 outputs: some rows of them in f64. */
  readonly #converted: Block | undefined;

  constructor(
    where: string,
    dtype: TrainedType,
    { size, hasSigmoid }: Pick<OutputPart, "size" | "hasSigmoid">,
    given: LossOptions,
  ) {
    super();
    const options: Options = typeof given === "string" ? { name: given } : given;
    const name: unknown = options?.name;
    if (typeof name !== "string" || !Object.hasOwn(NAMES, name)) {
      const names = Object.keys(NAMES).join(", ");
      throw new TypeError(`${where}: loss: expected one of ${names}, got ${shown(name ?? given)}`);
    }
    const known = Object.fromEntries(NAMES[options.name].map((key) => [key, true as const]));
    checkOptions(where, options, known as OptionNames<Options>, "loss");
    if (hasSigmoid && options.name !== "bce") {
      throw new TypeError(
        `${where}: loss: expected bce, as the model has a sigmoid on top, got ${options.name}`,
      );
    }
    const { arena } = dtype.engine;
    this.#dtype = dtype;
    this.name = options.name;
    this.size = size;
    this.ignore = -1;
    this.#smoothing = 0;
    if (options.name === "crossEntropy") {
      const { labelSmoothing = 0, ignore = -1, classWeights } = options;
      checkNumber(`${where}: loss.labelSmoothing`, labelSmoothing, { least: 0, most: 1 });
      checkInteger(`${where}: loss.ignore`, ignore, Number.MIN_SAFE_INTEGER);
      this.#smoothing = labelSmoothing;
      this.ignore = ignore;
      this.weights = weightsOf(`${where}: loss.classWeights`, classWeights, size);
    } else if (options.name === "bce") {
      const { positiveWeights } = options;
      this.weights = weightsOf(`${where}: loss.positiveWeights`, positiveWeights, size);
    }
    if (this.weights !== undefined) {
      this.#block = arena.allocate(size * ITEM);
      arena.f64(this.#block.pointer, size).set(this.weights);
    }
    if (dtype.precision === "f32") this.#converted = arena.allocate(CONVERTED_ROWS * size * ITEM);
  }

  /** Whether targets are class ids. */
  get takesIds(): boolean {
    return this.name === "crossEntropy";
  }

  /** Numbers of f64 that a row's target takes in memory. */
  get targetItems(): number {
    return this.takesIds ? 1 : this.size;
  }

  /** Computes the loss of each row, and replaces the outputs by their gradient. */
  run(of: LossRows): void {
    const converted = this.#converted;
    if (converted === undefined) {
      this.#run(of);
      return;
    }
    const { engine, item } = this.#dtype;
    const { promote, demote } = trainerFloat32(engine).kernels;
    const targetBytes = this.takesIds ? Int32Array.BYTES_PER_ELEMENT : this.size * ITEM;
    for (let first = 0; first < of.rows; first += CONVERTED_ROWS) {
      const rows = Math.min(CONVERTED_ROWS, of.rows - first);
      const n = rows * this.size;
      const at = of.outputs + first * this.size * item;
      promote(n, at, converted.pointer);
      this.#run({
        rows,
        outputs: converted.pointer,
        targets: of.targets + first * targetBytes,
        scales: of.scales + first * ITEM,
        loss: of.loss + first * ITEM,
      });
      demote(n, converted.pointer, at);
    }
  }

  /** The same of f64 outputs. */
  #run({ rows, outputs, targets, scales, loss }: LossRows): void {
    const kernels = trainerKernels(this.#dtype.engine);
    const n = this.size;
    const weights = this.#block?.pointer ?? 0;
    if (this.name === "crossEntropy") {
      kernels.smooth_cross_entropy_rows(
        rows,
        n,
        this.#smoothing,
        outputs,
        targets,
        weights,
        scales,
        loss,
        outputs,
      );
    } else if (this.name === "mse") {
      kernels.squared_error_rows(rows, n, outputs, targets, scales, loss, outputs);
    } else {
      kernels.binary_cross_entropy_rows(rows, n, outputs, targets, weights, scales, loss, outputs);
    }
  }

  /** Σ of the rows' losses, in ascending order. */
  sum({ loss, outputRows }: { readonly loss: number; readonly outputRows: number }): number {
    let sum = 0;
    for (const own of this.#dtype.engine.arena.f64(loss, outputRows)) sum += own;
    return sum;
  }

  protected free(): void {
    this.#block?.release();
    this.#converted?.release();
  }
}
