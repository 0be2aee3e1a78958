export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export type { ModelDescription } from "../model/description.js";
export type { OutputName, PytorchNames } from "./pytorch_layout.js";
export { describeSafetensors } from "./pytorch_reader.js";
export { writeModel } from "./pytorch_writer.js";
export type { StoredDtype } from "./safetensors_header.js";
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from "./safetensors_reader.js";
export { type Named, type StorableTensor, writeSafetensors } from "./safetensors_writer.js";
