import { ShapeError } from "../errors.js";
import { checkOptions, type OptionNames } from "../options.js";
import type { Batch } from "../sequence/batch.js";
import { checkShape, describe, isNumbers, type Tensor } from "../tensor.js";
import { checkFlag, shown } from "./checks.js";
import type { Segment } from "./layers/layer.js";
import type { Loss } from "./losses.js";
import type { TrainedNetwork } from "./network.js";
import type { NetworkPlan } from "./plan.js";
import type { CarriedStates } from "./states.js";
import { viewOf } from "./trained_type.js";

/** Ids of tokens or classes. */
export type Ids = readonly number[] | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** Rows of numbers, f64 or f32. */
export type Rows = Tensor<Float64Array | Float32Array>;

/** What a step trains on: m sequences of any lengths. */
export interface TrainingBatch {
  /** For each sequence its token ids, or its features (T_b, nx). */
  readonly inputs: readonly (Ids | Rows)[];
  /**
   * For a network with an output at each step: for each sequence its class ids, T_b of them, or its targets (T_b, size). For
   * one with an output for each sequence: m class ids, or targets (m, size).
   */
  readonly targets: readonly (Ids | Rows)[] | Ids | Rows;
  /**
   * Weights of the rows, numbers ≥ 0, in the form of class ids: for each sequence T_b of them, or m. The loss is the weighted
   * mean. Default: ones.
   */
  readonly weights?: readonly ArrayLike<number>[] | ArrayLike<number> | undefined;
  /** Whether each sequence goes on from the state in which the last step left it. Default false: from zeros. */
  readonly carry?: boolean | undefined;
}

const NAMES: OptionNames<TrainingBatch> = {
  inputs: true,
  targets: true,
  weights: true,
  carry: true,
};

/** A batch whose operands were checked. */
export interface CheckedBatch {
  readonly lengths: readonly number[];
  readonly carry: boolean;
  readonly given: TrainingBatch;
}

const isIds = (value: unknown): value is Ids =>
  Array.isArray(value) ||
  (ArrayBuffer.isView(value) && /^\[object (Int32|Uint8|Uint16|Uint32)Array\]$/.test(tagOf(value)));

const tagOf = (value: unknown): string => Object.prototype.toString.call(value);

/** Checks ids: integers in 0 … size − 1, or `ignore`. */
function checkIds(place: string, ids: unknown, size: number, ignore?: number): number {
  if (!isIds(ids)) {
    throw new TypeError(`${place}: expected ids, numbers or Int32Array, got ${describe(ids)}`);
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if ((Number.isInteger(id) && id >= 0 && id < size) || id === ignore) continue;
    throw new RangeError(`${place}[${i}]: expected an id in 0 … ${size - 1}, got ${shown(id)}`);
  }
  return ids.length;
}

/** Checks rows of numbers (T, n), T known or not; returns T. */
function checkRows(
  where: string,
  name: string,
  rows: unknown,
  [letters, sizes]: readonly [readonly string[], readonly (number | undefined)[]],
): number {
  const value = rows as Rows;
  const numbers = isNumbers(value?.data, Float32Array) ? Float32Array : Float64Array;
  checkShape(where, name, value, letters, sizes, "", numbers);
  return value.shape[0] as number;
}

function checkLength(place: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new ShapeError(`${place}: expected ${expected}, as the sequence has steps, got ${length}`);
}

function checkList(place: string, list: unknown, m?: number): void {
  if (!Array.isArray(list)) {
    throw new TypeError(
      `${place}: expected a list with an entry for each sequence, got ${describe(list)}`,
    );
  }
  if (m !== undefined && list.length !== m) {
    throw new ShapeError(`${place}: expected m = ${m} sequences, got ${list.length}`);
  }
}

function checkWeights(place: string, weights: unknown, expected: number): void {
  const isList =
    Array.isArray(weights) || isNumbers(weights, Float64Array) || isNumbers(weights, Float32Array);
  if (!isList) throw new TypeError(`${place}: expected numbers, got ${describe(weights)}`);
  const list = weights as ArrayLike<number>;
  checkLength(place, list.length, expected);
  for (let i = 0; i < list.length; i++) {
    const weight = list[i] as number;
    if (typeof weight === "number" && weight >= 0 && Number.isFinite(weight)) continue;
    throw new RangeError(`${place}[${i}]: expected a number ≥ 0, got ${shown(weight)}`);
  }
}

/**
 * Checks a batch.
 *
 * @throws {TypeError | RangeError} for an operand of the wrong kind, or an id out of range; {ShapeError} for one of the wrong
 *   size
 */
export function checkBatch(
  where: string,
  { architecture, shapes }: TrainedNetwork,
  { loss, states }: { readonly loss: Loss; readonly states: CarriedStates | undefined },
  batch: TrainingBatch,
): CheckedBatch {
  checkOptions(where, batch, NAMES, "batch");
  const { inputs, targets, weights, carry = false } = batch;
  const { input, output } = architecture;
  checkFlag(`${where}: carry`, carry);
  checkList(`${where}: inputs`, inputs);
  const m = inputs.length;
  const lengths = inputs.map((each, b) => {
    const name = `inputs[${b}]`;
    if (input.kind === "features") {
      return checkRows(where, name, each, [
        ["T", "nx"],
        [undefined, input.size],
      ]);
    }
    const tokens = input.kind === "embedding" ? input.tokens : input.size;
    return checkIds(`${where}: ${name}`, each, tokens);
  });
  const isEmpty = output.of === "step" ? lengths.every((T) => T === 0) : lengths.includes(0);
  if (m === 0 || isEmpty)
    throw new ShapeError(`${where}: inputs: expected at least one step, got none`);
  if (carry) {
    if (shapes.some(({ cells, reverse }) => cells.length > 1 || reverse)) {
      throw new TypeError(
        `${where}: carry: a direction that reads from the end has no state to carry`,
      );
    }
    const kept = states?.m ?? 0;
    if (kept !== 0 && kept !== m) {
      throw new ShapeError(
        `${where}: carry: expected m = ${kept} sequences, as in the step before, got ${m}`,
      );
    }
  }
  const isPerStep = output.of === "step";
  const place = `${where}: targets`;
  if (isPerStep) {
    checkList(place, targets, m);
    (targets as readonly (Ids | Rows)[]).forEach((each, b) => {
      const T = lengths[b] as number;
      if (loss.takesIds)
        checkLength(`${place}[${b}]`, checkIds(`${place}[${b}]`, each, loss.size, loss.ignore), T);
      else
        checkRows(where, `targets[${b}]`, each, [
          ["T", "ny"],
          [T, loss.size],
        ]);
    });
  } else if (loss.takesIds) {
    const length = checkIds(place, targets, loss.size, loss.ignore);
    if (length !== m) throw new ShapeError(`${place}: expected m = ${m} ids, got ${length}`);
  } else
    checkRows(where, "targets", targets, [
      ["m", "ny"],
      [m, loss.size],
    ]);
  if (weights !== undefined) {
    const name = `${where}: weights`;
    if (isPerStep) {
      checkList(name, weights, m);
      lengths.forEach((T, b) => {
        checkWeights(`${name}[${b}]`, (weights as ArrayLike<number>[])[b], T);
      });
    } else checkWeights(name, weights, m);
  }
  return { lengths, carry, given: batch };
}

/** The sequence at a place of a batch. */
const sequenceAt = ({ order }: Batch, { given }: CheckedBatch, place: number): Ids | Rows =>
  given.inputs[order?.[place] ?? place] as Ids | Rows;

/** Writes the tokens of a pass, if its input is tokens. */
export function writeTokens(
  { engine, architecture }: TrainedNetwork,
  { batch, context }: NetworkPlan,
  checked: CheckedBatch,
): void {
  if (architecture.input.kind === "features") return;
  const ids = engine.arena.i32(context.tokens, batch.rows);
  batch.forEachRow(0, batch.T, (row, place, t) => {
    ids[row] = (sequenceAt(batch, checked, place) as Ids)[t] as number;
  });
}

/** Writes the features of a segment, if the input is features. */
export function writeInputs(
  { parameters, architecture: { input } }: TrainedNetwork,
  { batch, x }: NetworkPlan,
  checked: CheckedBatch,
  { first, last, base, rows }: Segment,
): void {
  if (input.kind !== "features") return;
  const n = input.size;
  const target = viewOf(parameters.dtype, x, rows * n);
  batch.forEachRow(first, last, (row, place, t) => {
    const { data } = sequenceAt(batch, checked, place) as Rows;
    const at = (row - base) * n;
    for (let i = 0; i < n; i++) target[at + i] = data[t * n + i] as number;
  });
}

/**
 * Writes targets and scales of a pass: a row's scale is its weight over the sum of all, of those that have a target, times
 * `factor`. A class weight counts in the sum, as in PyTorch.
 *
 * @returns the rows with a target
 */
export function writeTargets(
  { engine, architecture }: TrainedNetwork,
  loss: Loss,
  plan: NetworkPlan,
  { given }: CheckedBatch,
  factor: number,
): number {
  const { batch, outputRows: rows, targets, scales } = plan;
  const { order, T } = batch;
  const { arena } = engine;
  const ny = loss.size;
  const isPerStep = architecture.output.of === "step";
  const ids = loss.takesIds ? arena.i32(targets, rows) : undefined;
  const numbers = loss.takesIds ? undefined : arena.f64(targets, rows * ny);
  const factors = arena.f64(scales, rows);
  let counted = 0;
  let sum = 0;
  const write = (
    row: number,
    of: Ids | Rows,
    at: number,
    own: ArrayLike<number> | undefined,
  ): void => {
    let weight = own === undefined ? 1 : (own[at] as number);
    if (ids !== undefined) {
      const id = (of as Ids)[at] as number;
      const isIgnored = id === loss.ignore;
      ids[row] = isIgnored ? -1 : id;
      if (isIgnored) {
        factors[row] = 0;
        return;
      }
      factors[row] = weight;
      weight *= loss.weights?.[id] ?? 1;
    } else {
      const { data } = of as Rows;
      for (let j = 0; j < ny; j++)
        (numbers as Float64Array)[row * ny + j] = data[at * ny + j] as number;
      factors[row] = weight;
      weight *= ny;
    }
    counted++;
    sum += weight;
  };
  if (isPerStep) {
    batch.forEachRow(0, T, (row, place, t) => {
      const b = order?.[place] ?? place;
      const own = (given.weights as readonly ArrayLike<number>[] | undefined)?.[b];
      write(row, (given.targets as readonly (Ids | Rows)[])[b] as Ids | Rows, t, own);
    });
  } else {
    for (let place = 0; place < batch.m; place++) {
      const b = order?.[place] ?? place;
      write(place, given.targets as Ids | Rows, b, given.weights as ArrayLike<number> | undefined);
    }
  }
  const scale = sum === 0 ? 0 : factor / sum;
  for (let row = 0; row < rows; row++) factors[row] = (factors[row] as number) * scale;
  return counted;
}

/** The name of an operand with a number that is not finite. */
export function notFiniteOperand({ given: { inputs, targets } }: CheckedBatch): string | undefined {
  const isBad = (of: Ids | Rows): boolean => "data" in of && !of.data.every(Number.isFinite);
  const b = inputs.findIndex(isBad);
  if (b >= 0) return `operand inputs[${b}]`;
  const lists = "data" in targets || typeof targets[0] === "number" ? [targets] : targets;
  return (lists as readonly (Ids | Rows)[]).some(isBad) ? "operand targets" : undefined;
}
