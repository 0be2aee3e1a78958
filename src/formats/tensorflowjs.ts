export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export type { ModelDescription } from "../model/description.js";
export { describeTensorflowJs } from "./tensorflowjs/reader.js";
