import { describeSafetensors } from "../formats/pytorch_reader.js";
import { readSafetensors } from "../formats/safetensors_reader.js";
import { describe } from "../tensor.js";
import type { Precision } from "../wasm/abi.js";
import type { ModelDescription } from "./description.js";

/** A model: the bytes of a safetensors file, or what another format's reader found. */
export type ModelSource = Uint8Array | ArrayBuffer | ModelDescription;

export function checkPrecision(where: string, precision: Precision): void {
  if (precision === "f64" || precision === "f32") return;
  throw new TypeError(`${where}: precision: expected "f64" or "f32", got ${String(precision)}`);
}

/** The description of a model. @throws {ModelFormatError} for a file that holds none */
export function openSource(where: string, source: ModelSource): ModelDescription {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    return describeSafetensors(readSafetensors(source));
  }
  if (typeof source === "object" && source !== null && Array.isArray(source.recurrent)) {
    return source;
  }
  throw new TypeError(
    `${where}: model: expected the bytes of a safetensors file or a description, got ${describe(source)}`,
  );
}
