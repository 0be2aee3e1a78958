import { ACTIVATIONS, DEFAULT_ACTIVATIONS } from "../cells/activations.js";
import { describe, formatShape, isNumbers } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import {
  type DenseDescription,
  type InputDescription,
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
  for (const { name, weight, bias } of dense) {
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
  new Check(where).all(description);
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
  new Check(where).parts(description);
}

const MERGES = ["concat", "sum", "mul", "ave"];
const OUTPUTS = ["steps", "last"];
const OPTION_KINDS = ["undefined", "string", "number", "boolean"];
const DENSE_ACTIVATIONS = ["softmax", "logSoftmax", ...Object.keys(ACTIVATIONS)];

/** A value in the words of a message. */
const word = (value: unknown): string =>
  typeof value === "object" ? describe(value) : String(value);

/** Throws unless each part of a network is whole, and takes what the one below it gives. */
class Check {
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  parts({ input, recurrent, dense, output }: ModelDescription): void {
    if (input.kind === "embedding") this.#name("input", input);
    recurrent.forEach((part, i) => {
      const place = this.#name(`recurrent[${i}]`, part);
      this.#object(`${place}: options`, part.options);
      this.#object(`${place}: weights`, part.weights);
      const { cell, activations = [] } = part.options;
      if (typeof cell !== "string" || !Object.hasOwn(DEFAULT_ACTIVATIONS, cell)) {
        this.#fail(`${place}: cell: expected "rnn", "lstm" or "gru", got ${word(cell)}`);
      }
      if (!Array.isArray(activations)) {
        this.#fail(`${place}: activations: expected a list, got ${describe(activations)}`);
      }
      activations.forEach((each, a) => {
        this.#activation(`${place}: activations[${a}]`, each, Object.keys(ACTIVATIONS));
      });
      for (const [option, value] of Object.entries(part.options)) {
        if (option === "activations" || OPTION_KINDS.includes(typeof value)) continue;
        this.#fail(`${place}: ${option}: expected ${OPTION_KINDS.join(", ")}, got ${word(value)}`);
      }
    });
    dense.forEach((part, i) => {
      const place = this.#name(`dense[${i}]`, part);
      this.#activation(`${place}: activation`, part.activation, DENSE_ACTIVATIONS);
    });
    if (!OUTPUTS.includes(output)) {
      this.#fail(`output: expected "steps" or "last", got ${word(output)}`);
    }
  }

  all({ input, recurrent, dense }: ModelDescription): void {
    let n = this.#input(input);
    if (recurrent.length === 0) this.#fail("expected a recurrent layer, got none");
    for (const each of recurrent) n = this.#recurrent(each, n);
    dense.forEach((each, i) => {
      n = this.#dense(each, n, i + 1 === dense.length);
    });
  }

  /** The number of inputs of the lowest layer. */
  #input(input: InputDescription): number {
    if (input.kind === "embedding") {
      const [V = 0, n = 0] = this.#tensor(input.name, input.weight);
      if (V < 1)
        this.#fail(
          `${input.name}: expected at least one token, got ${formatShape(input.weight.shape)}`,
        );
      this.#numbers(input.name, input.weight, [V, n]);
      return n;
    }
    if (input.kind !== "one-hot" && input.kind !== "features") {
      const { kind } = input as { kind: unknown };
      this.#fail(`input.kind: expected "embedding", "one-hot" or "features", got ${word(kind)}`);
    }
    this.#size("input.size", input.size);
    return input.size;
  }

  #recurrent(described: RecurrentDescription, n: number): number {
    const { name, options, weights, merge = "concat" } = described;
    const { inputSize, hiddenSize, projectionSize = hiddenSize, bidirectional } = options;
    if (inputSize !== n) {
      this.#fail(`${name}: expected nx = ${n}, from below, got ${word(inputSize)}`);
    }
    this.#size(`${name}: hiddenSize`, hiddenSize);
    this.#size(`${name}: projectionSize`, projectionSize);
    if (!MERGES.includes(merge)) {
      this.#fail(`${name}: merge: expected ${MERGES.join(", ")}, got ${word(merge)}`);
    }
    if (merge !== "concat" && bidirectional !== true) {
      this.#fail(`${name}: merge: expected two directions for ${merge}, got one`);
    }
    for (const [key, value] of Object.entries(weights)) {
      if (value !== undefined) this.#tensor(`${name}: ${key}`, value);
    }
    return outputSize(described);
  }

  #dense({ name, weight, bias, activation }: DenseDescription, n: number, top: boolean): number {
    const [ny = 0] = this.#tensor(`${name}: weight`, weight);
    if (ny < 1)
      this.#fail(`${name}: expected at least one output, got ${formatShape(weight.shape)}`);
    this.#numbers(`${name}: weight`, weight, [ny, n]);
    if (bias !== undefined) this.#numbers(`${name}: bias`, bias, [ny]);
    if (!top && (activation === "softmax" || activation === "logSoftmax")) {
      this.#fail(`${name}: ${activation}: expected nothing above it, got another layer`);
    }
    return ny;
  }

  #object(place: string, value: unknown): void {
    if (typeof value === "object" && value !== null) return;
    this.#fail(`${place}: expected an object, got ${describe(value)}`);
  }

  #activation(place: string, given: unknown, names: readonly string[]): void {
    const {
      name,
      alpha = 0,
      beta = 0,
    }: { name?: unknown; alpha?: unknown; beta?: unknown } = typeof given === "object" &&
    given !== null
      ? given
      : { name: given };
    if (typeof name !== "string" || !names.includes(name)) {
      this.#fail(`${place}: expected one of ${names.join(", ")}, got ${word(name)}`);
    }
    for (const [key, value] of Object.entries({ alpha, beta })) {
      if (Number.isFinite(value)) continue;
      this.#fail(`${place}.${key}: expected a finite number, got ${word(value)}`);
    }
  }

  /** The name of a part, which messages about it begin with. */
  #name(place: string, part: { readonly name: string }): string {
    this.#object(place, part);
    if (typeof part.name === "string") return part.name;
    return this.#fail(`${place}.name: expected a string, got ${describe(part.name)}`);
  }

  #size(place: string, size: unknown): void {
    if (Number.isSafeInteger(size) && (size as number) >= 1) return;
    this.#fail(`${place}: expected an integer ≥ 1, got ${word(size)}`);
  }

  /** The shape of numbers of the right kinds. */
  #tensor(place: string, value: StoredNumbers): readonly number[] {
    this.#object(place, value);
    const { shape, data } = value;
    if (!isNumbers(data, Float64Array) && !isNumbers(data, Float32Array)) {
      this.#fail(`${place}: expected Float64Array or Float32Array, got ${describe(data)}`);
    }
    if (Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0)) return shape;
    const got = Array.isArray(shape) ? `[${shape.map(word).join(", ")}]` : word(shape);
    return this.#fail(`${place}: shape: expected an array of integers ≥ 0, got ${got}`);
  }

  #numbers(place: string, value: StoredNumbers, expected: readonly number[]): void {
    const shape = this.#tensor(place, value);
    const fits = shape.length === expected.length && shape.every((n, i) => n === expected[i]);
    if (!fits) this.#fail(`${place}: expected ${formatShape(expected)}, got ${formatShape(shape)}`);
    const size = expected.reduce((product, extent) => product * extent, 1);
    const { length } = value.data;
    if (length === size) return;
    this.#fail(`${place}: ${formatShape(shape)} asks for ${size} numbers, there are ${length}`);
  }

  #fail(what: string): never {
    throw new ModelFormatError("network", `${this.#where}: ${what}`);
  }
}
