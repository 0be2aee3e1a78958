/**
 * ONNX files: whole graphs, compiled; models as exporters write them; what a file holds.
 *
 * @module recurra/onnx
 */
export * from "./formats/onnx.js";
export { type DescribeOnnxOptions, describeOnnx } from "./graph/describe/describe.js";
export {
  Graph,
  type GraphInput,
  type GraphInputs,
  type GraphNumbers,
  type GraphOutput,
  type GraphOutputs,
  type GraphPort,
  type OpenGraphOptions,
  openGraph,
  type StreamStates,
} from "./graph/graph.js";
export type { GraphState, GraphStream } from "./graph/stream.js";
