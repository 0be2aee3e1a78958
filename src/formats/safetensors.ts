export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export type { StoredDtype } from "./safetensors_header.js";
export {
  type ReadSafetensorsOptions,
  readSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from "./safetensors_reader.js";
export { type Named, type StorableTensor, writeSafetensors } from "./safetensors_writer.js";
