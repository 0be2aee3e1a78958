/**
 * Reads models of Keras 3.
 *
 * @module recurra/keras
 */
export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export type { Bytes } from "./bytes.js";
export type { KerasOptions } from "./keras/options.js";
export { type DescribeKerasOptions, describeKeras } from "./keras/reader.js";
