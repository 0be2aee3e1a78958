export type { ModelDescription } from "../description/description.js";
export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export { describeTensorflowJs } from "./tensorflowjs/reader.js";
