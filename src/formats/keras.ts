export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export { type DescribeKerasOptions, describeKeras } from "./keras/reader.js";
