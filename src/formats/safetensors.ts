/**
 * Reads and writes safetensors files, and PyTorch's models in them.
 *
 * @module recurra/safetensors
 */
export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export type { Bytes } from "./bytes.js";
export type { ReadOptions } from "./options.js";
export type { OutputName, PytorchNames } from "./pytorch/architecture.js";
export { describeSafetensors } from "./pytorch/reader.js";
export { writeModel } from "./pytorch/writer.js";
export type { StoredDtype } from "./safetensors/header.js";
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from "./safetensors/reader.js";
export { type Named, type StorableTensor, writeSafetensors } from "./safetensors/writer.js";
