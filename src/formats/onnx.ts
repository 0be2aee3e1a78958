export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export type { OnnxAttributes, OnnxOperator } from "./onnx/attributes.js";
export {
  type OnnxFile,
  type OnnxInputName,
  type OnnxNode,
  type OnnxOperand,
  type OnnxOutputName,
  type OnnxValue,
  type ReadOnnxOptions,
  readOnnx,
} from "./onnx/file.js";
export { describeOnnxNode } from "./onnx/layer.js";
export type { OnnxDtype, OnnxTensor } from "./onnx/tensor.js";
