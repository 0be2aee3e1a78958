export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export type { ModelDescription } from "../model/description.js";
export { type DescribeKerasOptions, describeKeras } from "./keras/reader.js";
