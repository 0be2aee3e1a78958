import { ModelFormatError } from "../errors.js";
import { describeSafetensors } from "../formats/pytorch_reader.js";
import { readSafetensors } from "../formats/safetensors_reader.js";
import { describe, formatShape } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import { type ModelDescription, outputSize, type StoredNumbers } from "./description.js";

/** A model: the bytes of a safetensors file, or what another format's reader found. */
export type ModelSource = Uint8Array | ArrayBuffer | ModelDescription;

export function checkPrecision(where: string, precision: Precision): void {
  if (precision === "f64" || precision === "f32") return;
  throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
}

/** The description of a model, its sizes in agreement. @throws {ModelFormatError} for a file that holds none */
export function openSource(where: string, source: ModelSource): ModelDescription {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    return describeSafetensors(readSafetensors(source));
  }
  const { recurrent, dense, input, metadata } = source ?? {};
  if (!Array.isArray(recurrent) || !Array.isArray(dense) || !input || !metadata) {
    throw new TypeError(
      `${where}: model: expected the bytes of a safetensors file or a description, got ${describe(source)}`,
    );
  }
  checkSizes(where, source as ModelDescription);
  return source as ModelDescription;
}

/** Throws unless each part of a network takes what the one below gives. The recurrent weights are checked when they are loaded. */
function checkSizes(where: string, { input, recurrent, dense }: ModelDescription): void {
  const fail = (what: string): never => {
    throw new ModelFormatError("network", `${where}: ${what}`);
  };
  const check = (name: string, { shape, data }: StoredNumbers, expected: readonly number[]) => {
    const fits = shape.length === expected.length && shape.every((n, i) => n === expected[i]);
    const size = expected.reduce((product, extent) => product * extent, 1);
    if (fits && data.length === size) return;
    fail(`${name}: expected ${formatShape(expected)}, got ${formatShape(shape)}`);
  };
  if (recurrent.length === 0) fail("expected a recurrent layer, got none");
  let n = input.kind === "embedding" ? (input.weight.shape[1] ?? 0) : input.size;
  if (input.kind === "embedding") {
    check(input.name, input.weight, [input.weight.shape[0] ?? 0, n]);
  }
  for (const each of recurrent) {
    const { inputSize } = each.options;
    if (inputSize !== n) fail(`${each.name}: expected nx = ${n}, from below, got ${inputSize}`);
    n = outputSize(each);
  }
  for (const { name, weight, bias } of dense) {
    const ny = weight.shape[0] ?? 0;
    if (ny < 1) fail(`${name}: expected at least one output, got ${formatShape(weight.shape)}`);
    check(`${name}: weight`, weight, [ny, n]);
    if (bias !== undefined) check(`${name}: bias`, bias, [ny]);
    n = ny;
  }
}
