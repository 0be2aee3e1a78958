import { ACTIVATIONS, type Activation, DEFAULT_ACTIVATIONS } from "../cells/activations.js";
import { describe, formatShape, isNumbers } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import {
  type DenseDescription,
  type InputDescription,
  LAYER_NORM_EPSILON,
  layerOutputSize,
  type ModelDescription,
  outputSize,
  type RecurrentDescription,
  type StoredNumbers,
} from "./description.js";
import { ModelFormatError } from "./format_error.js";

export function checkPrecision(where: string, precision: Precision): void {
  if (precision === "f64" || precision === "f32") return;
  throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${word(precision)}`);
}

/** Throws if a finite number of a description would be infinite in f32. */
export function checkRange(where: string, { input, recurrent, dense }: ModelDescription): void {
  const check = (name: string, value: StoredNumbers | undefined): void => {
    const { data } = value ?? {};
    if (!isNumbers(data, Float64Array)) return;
    const i = data.findIndex((x) => !Number.isFinite(Math.fround(x)) && Number.isFinite(x));
    if (i < 0) return;
    const message = `${where}: ${JSON.stringify(name)}: element ${i}: expected a number within the range of f32, got ${data[i]}`;
    throw new ModelFormatError("not-finite", message, name);
  };
  if (input.kind === "embedding") check(`${input.name}.weight`, input.weight);
  for (const { name, weights, names } of recurrent) {
    for (const [key, value] of Object.entries(weights))
      check(names?.[key] ?? `${name}.${key}`, value);
  }
  const norms = recurrent.flatMap(({ layerNorm = [] }) => layerNorm);
  for (const { name, weight, bias } of [...norms, ...dense]) {
    check(`${name}.weight`, weight);
    check(`${name}.bias`, bias);
  }
}

/**
 * Throws unless `description` is a network whose parts agree. `where` begins the message.
 *
 * @throws {TypeError} for something else than a description
 * @throws {ModelFormatError} with code "network" for parts that do not fit together
 */
export function checkDescription(where: string, description: ModelDescription): void {
  checkParts(where, "model", description);
  const { input, recurrent, dense } = description;
  let n = checkInput(where, input);
  if (recurrent.length === 0) fail(where, "expected a recurrent layer, got none");
  for (const each of recurrent) n = checkRecurrent(where, each, n);
  dense.forEach((each, i) => {
    n = checkDense(where, each, n, i + 1 === dense.length);
  });
}

/**
 * Throws unless each part of `description` is of the right kind, whether or not they fit together. Weights are left to
 * whoever takes them.
 *
 * @throws {TypeError} for something else than a description
 * @throws {ModelFormatError} with code "network" for a part that is incomplete
 */
export function checkParts(
  where: string,
  name: "model" | "description",
  description: ModelDescription,
): void {
  const { recurrent, dense, input, metadata } = description ?? {};
  if (
    !Array.isArray(recurrent) ||
    !Array.isArray(dense) ||
    typeof input !== "object" ||
    input === null ||
    typeof metadata?.get !== "function"
  ) {
    const bytes = name === "model" ? "the bytes of a safetensors file or " : "";
    throw new TypeError(
      `${where}: ${name}: expected ${bytes}a description, got ${describe(description)}`,
    );
  }
  checkKinds(where, description);
}

const MERGES = ["concat", "sum", "mul", "ave"];
const OUTPUTS = ["steps", "last", "mean", "max"];
const OPTION_KINDS = ["undefined", "string", "number", "boolean"];

/** A value in the words of a message. */
const word = (value: unknown): string =>
  typeof value === "object" ? describe(value) : String(value);

function fail(where: string, what: string): never {
  throw new ModelFormatError("network", `${where}: ${what}`);
}

function checkKinds(
  where: string,
  { input, recurrent, dense, output, assumptions = [] }: ModelDescription,
): void {
  if (input.kind === "embedding") nameOf(where, "input", input);
  recurrent.forEach((part, i) => {
    const place = nameOf(where, `recurrent[${i}]`, part);
    checkObject(where, `${place}: options`, part.options);
    checkObject(where, `${place}: weights`, part.weights);
    const { cell, activations = [] } = part.options;
    if (!Object.keys(DEFAULT_ACTIVATIONS).includes(cell)) {
      fail(where, `${place}: cell: expected "rnn", "lstm" or "gru", got ${word(cell)}`);
    }
    if (!Array.isArray(activations)) {
      fail(where, `${place}: activations: expected a list, got ${describe(activations)}`);
    }
    for (const each of activations) {
      if (typeof each !== "string") checkObject(where, `${place}: activations`, each);
    }
    const { layerNorm = [], residual } = part;
    if (!Array.isArray(layerNorm)) {
      fail(where, `${place}: layerNorm: expected a list, got ${describe(layerNorm)}`);
    }
    layerNorm.forEach((norm, l) => {
      nameOf(where, `${place}: layerNorm[${l}]`, norm);
    });
    if (residual !== undefined && typeof residual !== "boolean") {
      fail(where, `${place}: residual: expected true or false, got ${word(residual)}`);
    }
  });
  dense.forEach((part, i) => {
    const place = nameOf(where, `dense[${i}]`, part);
    checkActivation(where, `${place}: activation`, part.activation, ["softmax", "logSoftmax"]);
  });
  if (!OUTPUTS.includes(output)) {
    fail(where, `output: expected "steps", "last", "mean" or "max", got ${word(output)}`);
  }
  if (!Array.isArray(assumptions) || assumptions.some((each) => typeof each !== "string")) {
    fail(where, `assumptions: expected a list of sentences, got ${describe(assumptions)}`);
  }
}

function checkObject(where: string, place: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  fail(where, `${place}: expected an object, got ${describe(value)}`);
}

/** The name of a part, which messages about it begin with. */
function nameOf(where: string, place: string, part: { readonly name: string }): string {
  checkObject(where, place, part);
  if (typeof part.name === "string") return part.name;
  return fail(where, `${place}.name: expected a string, got ${describe(part.name)}`);
}

/** Throws unless an activation has one of the names; `others` beside those of a gate. */
function checkActivation(where: string, place: string, given: unknown, others: string[]): void {
  const name: unknown = typeof given === "object" ? (given as { name?: unknown })?.name : given;
  const names = [...others, ...Object.keys(ACTIVATIONS)];
  if (names.includes(name as string)) return;
  fail(where, `${place}: expected one of ${names.join(", ")}, got ${word(name)}`);
}

/** Throws unless the parameters of an activation are finite, if it has some. */
function checkParameters(where: string, place: string, given: Activation | string): void {
  if (typeof given === "string") return;
  for (const parameter of ["alpha", "beta"] as const) {
    const value = given[parameter];
    if (value === undefined || Number.isFinite(value)) continue;
    fail(where, `${place}.${parameter}: expected a finite number, got ${word(value)}`);
  }
}

/** Returns the number of inputs of the lowest layer. */
function checkInput(where: string, input: InputDescription): number {
  if (input.kind === "embedding") {
    const shape = shapeOf(where, input.name, input.weight);
    const [V = 0, n = 0] = shape;
    if (V < 1) fail(where, `${input.name}: expected at least one token, got ${formatShape(shape)}`);
    checkNumbers(where, input.name, input.weight, [V, n]);
    return n;
  }
  if (input.kind !== "one-hot" && input.kind !== "features") {
    const { kind } = input as { kind: unknown };
    const expected = 'expected "embedding", "one-hot" or "features"';
    fail(where, `input.kind: ${expected}, got ${word(kind)}`);
  }
  checkSize(where, "input.size", input.size);
  return input.size;
}

/** Returns the number of outputs of a part that has `n` inputs. */
function checkRecurrent(where: string, described: RecurrentDescription, n: number): number {
  const { name, options, weights, merge = "concat" } = described;
  const { inputSize, hiddenSize, projectionSize = hiddenSize, bidirectional } = options;
  if (inputSize !== n) {
    fail(where, `${name}: expected nx = ${n}, from below, got ${word(inputSize)}`);
  }
  for (const [option, value] of Object.entries(options)) {
    if (option === "activations" || OPTION_KINDS.includes(typeof value)) continue;
    fail(where, `${name}: ${option}: expected ${OPTION_KINDS.join(", ")}, got ${word(value)}`);
  }
  options.activations?.forEach((each, i) => {
    const place = `${name}: activations[${i}]`;
    checkActivation(where, place, each, []);
    checkParameters(where, place, each);
  });
  checkSize(where, `${name}: hiddenSize`, hiddenSize);
  checkSize(where, `${name}: projectionSize`, projectionSize);
  if (!MERGES.includes(merge)) {
    fail(where, `${name}: merge: expected ${MERGES.join(", ")}, got ${word(merge)}`);
  }
  if (merge !== "concat" && bidirectional !== true) {
    fail(where, `${name}: merge: expected two directions for ${merge}, got one`);
  }
  for (const [key, value] of Object.entries(weights)) {
    if (value !== undefined) shapeOf(where, `${name}: ${key}`, value);
  }
  if (described.layerNorm !== undefined) checkLayerNorm(where, described);
  return outputSize(described);
}

/** Throws unless there is a normalisation for each layer of a part. */
function checkLayerNorm(where: string, described: RecurrentDescription): void {
  const { name, options, layerNorm } = described;
  const { layers = 1 } = options;
  if (layerNorm?.length !== layers) {
    const got = layerNorm?.length;
    fail(where, `${name}: layerNorm: expected ${layers}, one for each layer, got ${got}`);
  }
  const n = layerOutputSize(described);
  for (const { name: own, weight, bias, epsilon = LAYER_NORM_EPSILON } of layerNorm ?? []) {
    checkNumbers(where, `${own}: weight`, weight, [n]);
    checkNumbers(where, `${own}: bias`, bias, [n]);
    if (Number.isFinite(epsilon) && epsilon > 0) continue;
    fail(where, `${own}: epsilon: expected a number > 0, got ${word(epsilon)}`);
  }
}

/** Returns the number of outputs of a layer that has `n` inputs. */
function checkDense(where: string, part: DenseDescription, n: number, isTop: boolean): number {
  const { name, weight, bias, activation } = part;
  const shape = shapeOf(where, `${name}: weight`, weight);
  const [ny = 0] = shape;
  if (ny < 1) fail(where, `${name}: expected at least one output, got ${formatShape(shape)}`);
  checkNumbers(where, `${name}: weight`, weight, [ny, n]);
  if (bias !== undefined) checkNumbers(where, `${name}: bias`, bias, [ny]);
  checkParameters(where, `${name}: activation`, activation);
  if (!isTop && (activation === "softmax" || activation === "logSoftmax")) {
    fail(where, `${name}: ${activation}: expected nothing above it, got another layer`);
  }
  return ny;
}

function checkSize(where: string, place: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  fail(where, `${place}: expected an integer ≥ 1, got ${word(value)}`);
}

/** The shape of a tensor whose parts are of the right kinds. */
function shapeOf(where: string, place: string, value: StoredNumbers): readonly number[] {
  checkObject(where, place, value);
  const { shape, data } = value;
  if (!isNumbers(data, Float64Array) && !isNumbers(data, Float32Array)) {
    fail(where, `${place}: expected Float64Array or Float32Array, got ${describe(data)}`);
  }
  if (Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0)) return shape;
  const got = Array.isArray(shape) ? `[${shape.map(word).join(", ")}]` : word(shape);
  return fail(where, `${place}: shape: expected an array of integers ≥ 0, got ${got}`);
}

function checkNumbers(
  where: string,
  place: string,
  value: StoredNumbers,
  expected: readonly number[],
): void {
  const shape = shapeOf(where, place, value);
  const fits = shape.length === expected.length && shape.every((n, i) => n === expected[i]);
  if (!fits) {
    fail(where, `${place}: expected ${formatShape(expected)}, got ${formatShape(shape)}`);
  }
  const size = expected.reduce((product, extent) => product * extent, 1);
  const { length } = value.data;
  if (length === size) return;
  fail(where, `${place}: ${formatShape(shape)} asks for ${size} numbers, there are ${length}`);
}
