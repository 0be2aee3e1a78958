import { ShapeError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import { planLinearGradient } from "../sequence/linear.js";
import { transposedLinear } from "../sequence/transposed.js";
import { addWeightGradient } from "../sequence/weight_gradient.js";
import { describe, type Tensor } from "../tensor.js";
import { type Engine, withScratch } from "../wasm/engine.js";
import { trainingKernels, trainingType } from "../wasm/kernel_sets.js";
import { read, stageBytes } from "./axes.js";
import { Caches, startOf } from "./caches.js";
import type { GruCaches } from "./gru.js";
import type { LstmCaches } from "./lstm.js";
import type { RnnCaches } from "./rnn.js";

/** Class ids (m, T), or m rows of T of them; −1 is ignored. */
export type Targets = Int32Array | readonly (readonly number[])[];

/** Options of {@link softmaxCrossEntropy}. */
export interface LossOptions {
  /** `"mean"` (the default) divides by the number of targets that are not ignored, `"sum"` does not. */
  reduction?: "mean" | "sum" | undefined;
}

const OPTIONS: OptionNames<LossOptions> = { reduction: true };

/** The result of {@link softmaxCrossEntropy} for any cell. */
export interface Loss {
  /** In nats. 0 where every target is ignored. */
  loss: number;
  /** The gradient of every step's hidden state through the output layer, (na, m, T): the `da` of the backward pass. */
  da: Tensor;
  /** The gradient of by, (ny, 1). */
  dby: Tensor;
}

/**
 * The cross-entropy of the softmax outputs against target classes, and its gradient through the output layer. With
 * `rnnBackward`, `lstmBackward` or `gruBackward` of `da` it is the whole gradient of a model. Computed from logits, as
 * log-sum-exp(logits) − logit of the target, and so exact where a probability rounds to 0 or 1.
 *
 * @param targets class ids in 0 … ny − 1, (m, T), or −1 to ignore a step
 * @returns `loss`, `da`, `dby`, and `dWy` (LSTM, GRU) or `dWya` (RNN), (ny, na)
 * @throws {TypeError} if `targets` is of the wrong kind or `reduction` unknown
 * @throws {ShapeError} if `targets` has the wrong size or an id is out of range
 * @throws {StateError} if the caches are disposed
 */
export function softmaxCrossEntropy(
  engine: Engine,
  caches: LstmCaches | GruCaches,
  targets: Targets,
  options?: LossOptions,
): Loss & { dWy: Tensor };
export function softmaxCrossEntropy(
  engine: Engine,
  caches: RnnCaches,
  targets: Targets,
  options?: LossOptions,
): Loss & { dWya: Tensor };
export function softmaxCrossEntropy(
  engine: Engine,
  caches: LstmCaches | GruCaches | RnnCaches,
  targets: Targets,
  options: LossOptions = {},
): Loss & ({ dWy: Tensor } | { dWya: Tensor }) {
  const where = "softmaxCrossEntropy";
  checkOptions(where, options, OPTIONS);
  const { reduction = "mean" } = options;
  if (!(caches instanceof Caches)) {
    throw new TypeError(
      `${where}: caches: expected RnnCaches, LstmCaches or GruCaches, got ${describe(caches)}`,
    );
  }
  if (reduction !== "mean" && reduction !== "sum") {
    throw new TypeError(`${where}: reduction: expected "mean" or "sum", got ${String(reduction)}`);
  }
  const { pass } = startOf(where, engine, caches);
  const { engine: core } = pass;
  const { table, packed, buffers } = pass;
  const { linear } = packed;
  const { na, m, T } = pass.sizes;
  const { ny } = linear;
  const ids = timeMajor(where, targets, m, T, ny);
  const counted = ids.reduce((count, id) => (id < 0 ? count : count + 1), 0);
  const scale = reduction === "mean" ? 1 / Math.max(counted, 1) : 1;

  const at = planLinearGradient(ny, na, T * m);
  const rows = T * m;
  return withScratch(core.arena, at.bytes + stageBytes(rows * na), ({ pointer }) => {
    // Allocates, too: last, so that a call that finds no memory leaves none behind, and before any view is made.
    const transposed = transposedLinear(linear);
    const { arena } = core;
    const dtype = trainingType(core, linear.dtype);
    const kernels = trainingKernels(core);
    const logits = pointer + at.logits;
    const da = pointer + at.da;
    const dW = pointer + at.dW;
    const db = pointer + at.db;
    const zeros = pointer + at.zeros;
    arena.i32(pointer + at.targets, rows).set(ids);
    arena.f64(dW, ny * na).fill(0);
    arena.f64(db, ny).fill(0);
    arena.f64(zeros, na).fill(0);
    linear.logits(rows, buffers.h, logits);
    const losses = pointer + at.loss;
    kernels.cross_entropy_rows(rows, ny, scale, logits, pointer + at.targets, losses, logits);
    kernels.gemm_packed(rows, na, ny, ny, 0, na, logits, transposed, zeros, da);
    kernels.add_rows(rows, ny, logits, db);
    const gradient = { rows, columns: ny, pointer: logits, scratch: pointer + at.gradient };
    addWeightGradient(dtype, gradient, [
      { first: 0, outputs: ny, width: na, source: buffers.h, lds: na, index: 0, target: dW },
    ]);
    const sum = arena.f64(losses, rows).reduce((total, each) => total + each, 0);
    const result: Loss = {
      loss: sum * scale,
      da: read(core, [na, m, T], da, pointer + at.bytes),
      dby: { shape: [ny, 1], data: arena.f64(db, ny).slice() },
    };
    const dWy: Tensor = { shape: [ny, na], data: arena.f64(dW, ny * na).slice() };
    return { ...result, [`d${table.output[0]}`]: dWy } as Loss & { dWy: Tensor };
  });
}

/** Checks the targets (m, T) and transposes them to (T, m). */
function timeMajor(where: string, targets: Targets, m: number, T: number, ny: number): Int32Array {
  const ids = new Int32Array(m * T);
  rowsOf(where, targets, m, T).forEach((row, b) => {
    for (let t = 0; t < T; t++) {
      const id = row[t] as number;
      if (!Number.isInteger(id) || id < -1 || id >= ny) {
        const expected = `expected a class id in 0 … ${ny - 1} or −1, got ${String(id)}`;
        throw new ShapeError(`${where}: targets[${b}][${t}]: ${expected}`);
      }
      ids[t * m + b] = id;
    }
  });
  return ids;
}

/** By its tag: an array of another realm counts too. */
const isInt32Array = (value: unknown): value is Int32Array =>
  ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Int32Array]";

/** The m rows of T targets. */
function rowsOf(where: string, targets: Targets, m: number, T: number): ArrayLike<number>[] {
  const expected = `${where}: targets: expected (m, T) with m = ${m}, T = ${T} (from the caches)`;
  if (isInt32Array(targets)) {
    if (targets.length !== m * T) throw new ShapeError(`${expected}, got ${targets.length} ids`);
    return Array.from({ length: m }, (_, b) => targets.subarray(b * T, (b + 1) * T));
  }
  if (!Array.isArray(targets)) {
    const kinds = "expected Int32Array or an array of rows";
    throw new TypeError(`${where}: targets: ${kinds}, got ${describe(targets)}`);
  }
  if (targets.length !== m) throw new ShapeError(`${expected}, got ${targets.length} rows`);
  return Array.from(targets, (row: unknown, b) => {
    if (!Array.isArray(row)) {
      throw new TypeError(`${where}: targets[${b}]: expected an array, got ${describe(row)}`);
    }
    if (row.length !== T) throw new ShapeError(`${expected}, got ${row.length} ids in row ${b}`);
    return row;
  });
}
