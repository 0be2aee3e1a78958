export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export { type DescribeKerasOptions, describeKeras } from "./keras/reader.js";
