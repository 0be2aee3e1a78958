export { type ModelFormatCode, ModelFormatError } from "../errors.js";
export type { OnnxAttributes, OnnxOperator } from "./onnx_attributes.js";
export { type DescribeOnnxOptions, describeOnnx } from "./onnx_describe.js";
export {
  type OnnxFile,
  type OnnxInputName,
  type OnnxNode,
  type OnnxOperand,
  type OnnxOutputName,
  type OnnxValue,
  type ReadOnnxOptions,
  readOnnx,
} from "./onnx_file.js";
export { type FromOnnxOptions, fromOnnx } from "./onnx_from.js";
export { type OnnxInput, runOnnx } from "./onnx_run.js";
export type { OnnxDtype, OnnxTensor } from "./onnx_tensor.js";
