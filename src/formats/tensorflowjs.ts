/**
 * Reads layers models of TensorFlow.js.
 *
 * @module recurra/tensorflowjs
 */
export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export type { Bytes } from "./bytes.js";
export type { KerasOptions } from "./keras/options.js";
export { describeTensorflowJs, listTensorflowJsShards } from "./tensorflowjs/reader.js";
