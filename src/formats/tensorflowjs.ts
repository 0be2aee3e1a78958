export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export { describeTensorflowJs, listTensorflowJsShards } from "./tensorflowjs/reader.js";
