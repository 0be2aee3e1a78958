/**
 * Reads ONNX files: recurrent nodes, and models as PyTorch exports them.
 *
 * @module recurra/onnx
 */
export { type ModelFormatCode, ModelFormatError } from "../description/format_error.js";
export type { OnnxAttributes, OnnxOperator } from "./onnx/attributes.js";
export { type DescribeOnnxOptions, describeOnnx } from "./onnx/describe.js";
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
export { type FromOnnxOptions, fromOnnx } from "./onnx/from.js";
export { type OnnxInput, runOnnx } from "./onnx/run.js";
export type { OnnxDtype, OnnxTensor } from "./onnx/tensor.js";
