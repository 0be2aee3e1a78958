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
  throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
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
const DENSE_ACTIVATIONS = ["softmax", "logSoftmax", ...Object.keys(ACTIVATIONS)];

/** Throws unless each part of a network is whole and takes what the one below gives. Recurrent weights are checked when they are loaded. */
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
      if (!Object.hasOwn(DEFAULT_ACTIVATIONS, String(cell))) {
        this.#fail(`${place}: cell: expected "rnn", "lstm" or "gru", got ${String(cell)}`);
      }
      if (!Array.isArray(activations)) {
        this.#fail(`${place}: activations: expected a list, got ${describe(activations)}`);
      }
      for (const each of activations) {
        if (typeof each !== "string") this.#object(`${place}: activations`, each);
      }
    });
    dense.forEach((part, i) => {
      const place = this.#name(`dense[${i}]`, part);
      const { activation } = part;
      const name = typeof activation === "object" ? activation?.name : activation;
      if (DENSE_ACTIVATIONS.includes(String(name))) return;
      const expected = DENSE_ACTIVATIONS.join(", ");
      this.#fail(`${place}: activation: expected one of ${expected}, got ${String(name)}`);
    });
    if (!OUTPUTS.includes(output)) {
      this.#fail(`output: expected "steps" or "last", got ${String(output)}`);
    }
  }

  #object(place: string, value: unknown): void {
    if (typeof value === "object" && value !== null) return;
    this.#fail(`${place}: expected an object, got ${describe(value)}`);
  }

  /** The name of a part, which messages about it begin with. */
  #name(place: string, part: { readonly name: string }): string {
    this.#object(place, part);
    if (typeof part.name === "string") return part.name;
    return this.#fail(`${place}.name: expected a string, got ${describe(part.name)}`);
  }

  all({ input, recurrent, dense }: ModelDescription): void {
    let n = this.#input(input);
    if (recurrent.length === 0) this.#fail("expected a recurrent layer, got none");
    for (const each of recurrent) n = this.#recurrent(each, n);
    dense.forEach((each, i) => {
      n = this.#dense(each, n, i + 1 === dense.length);
    });
  }

  /** What goes into the lowest layer. */
  #input(input: InputDescription): number {
    if (input.kind === "embedding") {
      const [V = 0, n = 0] = input.weight?.shape ?? [];
      if (!(V >= 1)) {
        this.#fail(`${input.name}: expected at least one token, got ${shown(input.weight)}`);
      }
      this.#numbers(input.name, input.weight, [V, n]);
      return n;
    }
    if (input.kind !== "one-hot" && input.kind !== "features") {
      const kind = (input as { kind: unknown }).kind;
      this.#fail(`input.kind: expected "embedding", "one-hot" or "features", got ${String(kind)}`);
    }
    return input.size;
  }

  #recurrent(described: RecurrentDescription, n: number): number {
    const { name, options, merge = "concat" } = described;
    const { inputSize, bidirectional } = options;
    if (inputSize !== n) {
      this.#fail(`${name}: expected nx = ${n}, from below, got ${String(inputSize)}`);
    }
    if (!MERGES.includes(merge)) {
      this.#fail(`${name}: merge: expected ${MERGES.join(", ")}, got ${String(merge)}`);
    }
    if (merge !== "concat" && bidirectional !== true) {
      this.#fail(`${name}: merge: expected two directions for ${merge}, got one`);
    }
    return outputSize(described);
  }

  #dense({ name, weight, bias, activation }: DenseDescription, n: number, top: boolean): number {
    const ny = weight?.shape?.[0] ?? 0;
    if (!(ny >= 1)) this.#fail(`${name}: expected at least one output, got ${shown(weight)}`);
    this.#numbers(`${name}: weight`, weight, [ny, n]);
    if (bias !== undefined) this.#numbers(`${name}: bias`, bias, [ny]);
    if (!top && (activation === "softmax" || activation === "logSoftmax")) {
      this.#fail(`${name}: ${activation}: expected nothing above it, got another layer`);
    }
    return ny;
  }

  #numbers(name: string, value: StoredNumbers, expected: readonly number[]): void {
    const { shape, data } = value ?? {};
    if (!(data instanceof Float64Array || data instanceof Float32Array)) {
      this.#fail(`${name}: expected Float64Array or Float32Array, got ${describe(data)}`);
    }
    if (!Array.isArray(shape)) {
      this.#fail(`${name}: shape: expected an array of integers, got ${describe(shape)}`);
    }
    const fits = shape.length === expected.length && shape.every((size, i) => size === expected[i]);
    if (!fits) this.#fail(`${name}: expected ${formatShape(expected)}, got ${formatShape(shape)}`);
    const size = expected.reduce((product, extent) => product * extent, 1);
    if (data.length !== size) {
      this.#fail(
        `${name}: ${formatShape(shape)} asks for ${size} numbers, there are ${data.length}`,
      );
    }
  }

  #fail(what: string): never {
    throw new ModelFormatError("network", `${this.#where}: ${what}`);
  }
}

const shown = (value: StoredNumbers | undefined): string =>
  Array.isArray(value?.shape) ? formatShape(value.shape) : describe(value);
