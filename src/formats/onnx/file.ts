import { ModelFormatError } from "../../description/format_error.js";
import type { OptionNames } from "../../options.js";
import { bytesOf as fileBytes } from "../bytes.js";
import { recognise } from "../file_kinds.js";
import { allFinite } from "../finite.js";
import { checkReadOptions, READ_OPTIONS } from "../options.js";
import {
  NEWEST_OPSET,
  type OnnxAttributes,
  type OnnxOperator,
  readAttributes,
} from "./attributes.js";
import { type ModelProto, type NodeProto, parseModel, type ValueProto } from "./proto.js";
import {
  bytesOf,
  dtypeOf,
  type OnnxDtype,
  type OnnxTensor,
  readTensor,
  type TensorProto,
} from "./tensor.js";
import { Wire } from "./wire.js";

/** Options of {@link readOnnx}. */
export interface ReadOnnxOptions {
  /** Whether NaN and ±∞ among the weights are an error. Default: `"reject"`. */
  nonFinite?: "reject" | "allow" | undefined;
  /** Bytes that the file's tensors, and the tensors folded from them, may take in all, as read. Default: 2³¹. */
  maximumBytes?: number | undefined;
}

/** Inputs of a node, in the order of the file. RNN and GRU have the first six. */
export const INPUTS = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"] as const;
/** ONNX's name of an input of a recurrent node. */
export type OnnxInputName = (typeof INPUTS)[number];
export const OUTPUTS = ["Y", "Y_h", "Y_c"] as const;
/** ONNX's name of an output of a recurrent node. */
export type OnnxOutputName = (typeof OUTPUTS)[number];

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  /** Absent if the file does not give it, or for a type that is not read. */
  readonly dtype?: OnnxDtype;
  /** A size, a letter, or null for an open extent; absent if the file gives no shape. */
  readonly shape?: readonly (number | string | null)[];
}

/** An input of a node: its name in the graph, and its numbers if the file holds them. */
export interface OnnxOperand {
  readonly name: string;
  readonly tensor?: OnnxTensor;
}

/** A recurrent node. Plain data: it shares no memory with the file. */
export interface OnnxNode {
  /** Its own name, else that of its first output. */
  readonly name: string;
  readonly operator: OnnxOperator;
  /** The version of the standard operators. */
  readonly opset: number;
  readonly attributes: OnnxAttributes;
  /** The node's inputs by ONNX's names. */
  readonly inputs: Readonly<Partial<Record<OnnxInputName, OnnxOperand>>>;
  /** The names of the node's outputs by ONNX's names, without those that it omits. */
  readonly outputs: Readonly<Partial<Record<OnnxOutputName, string>>>;
}

/** The content of a file. */
export interface OnnxFile {
  readonly irVersion: number;
  readonly producer: string;
  /** The version of the standard operators. */
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: string;
  /** The graph's inputs without an initializer. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The recurrent nodes of the graph, in its order. Sub-graphs are not searched. */
  readonly nodes: readonly OnnxNode[];
  /** Every operator of the graph, once. */
  readonly operators: readonly string[];
}

/** A model whose structure is known, and the means to read its tensors. */
export interface OpenModel {
  readonly model: ModelProto;
  readonly opset: number;
  readonly allowed: number;
  fail: Wire["fail"];
  /** The numbers of a tensor, checked for NaN and ±∞ according to the options. Reads each tensor once. */
  read(proto: TensorProto): OnnxTensor;
}

/** Checks the arguments that all readers share, and parses the file. Reads no tensor yet. */
export function openModel(
  where: string,
  file: Uint8Array | ArrayBuffer,
  options: ReadOnnxOptions,
  names: OptionNames<ReadOnnxOptions> = READ_OPTIONS,
): OpenModel {
  const { nonFinite, maximumBytes } = checkReadOptions(where, options, names);
  const bytes = fileBytes(where, "file", file);
  const other = recognise(bytes, /ONNX/);
  if (other !== undefined) {
    throw new ModelFormatError("other-format", `${where}: expected an ONNX model, got ${other}`);
  }
  const model = parseModel(where, bytes);
  const wire = new Wire(where, bytes);
  const opset = model.opsets.get("") ?? 0;
  if (!(Number.isSafeInteger(opset) && opset >= 1 && opset <= NEWEST_OPSET)) {
    wire.fail("opset", `opset: expected 1 to ${NEWEST_OPSET}, got ${opset}`, 0);
  }
  let needed = 0;
  const count = (proto: TensorProto | undefined): void => {
    if (proto !== undefined && dtypeOf(proto.dtype) !== undefined) needed += bytesOf(proto);
  };
  for (const proto of model.graph.initializers.values()) count(proto);
  for (const node of model.graph.nodes) count(node.attributes.get("value")?.t);
  if (needed > maximumBytes) {
    const what = `expected tensors of ≤ ${maximumBytes} bytes (maximumBytes), got ${needed}`;
    throw new ModelFormatError("too-large", `${where}: ${what}`);
  }
  const known = new Map<TensorProto, OnnxTensor>();
  const read = (proto: TensorProto): OnnxTensor => {
    let tensor = known.get(proto);
    if (tensor === undefined) {
      tensor = readTensor(where, bytes, proto);
      if (nonFinite === "reject") checkFinite(wire, proto, tensor);
      known.set(proto, tensor);
    }
    return tensor;
  };
  return { model, opset, allowed: maximumBytes - needed, fail: wire.fail.bind(wire), read };
}

function checkFinite(wire: Wire, proto: TensorProto, { data }: OnnxTensor): void {
  if (allFinite(data)) return;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (Number.isFinite(value)) continue;
    const { raw, at, size, name } = proto;
    const offset = raw === undefined ? at : raw.begin + (i * (raw.end - raw.begin)) / size;
    const what = `element ${i}: expected a finite number, got ${value} (nonFinite: "allow" accepts it)`;
    wire.fail("not-finite", what, offset, name);
  }
}

export const isRecurrent = ({ operator, domain }: NodeProto): boolean =>
  domain === "" && (operator === "RNN" || operator === "GRU" || operator === "LSTM");

/** The name of a node in messages and lists. */
export const nameOf = ({ name, outputs, operator }: NodeProto): string =>
  name || outputs.find((output) => output !== "") || operator;

/** Reads a recurrent node. `tensorOf` returns an operand's numbers if they are known. */
export function readNode(
  { model, opset, fail }: Pick<OpenModel, "opset" | "fail"> & { model: Pick<ModelProto, "where"> },
  node: NodeProto,
  tensorOf: (name: string) => OnnxTensor | undefined,
): OnnxNode {
  const operator = node.operator as OnnxOperator;
  const name = nameOf(node);
  const place = `${operator} ${JSON.stringify(name)}`;
  const [mostInputs, mostOutputs] = operator === "LSTM" ? [8, 3] : [6, 2];
  if (node.inputs.length > mostInputs || node.outputs.length > mostOutputs) {
    const got = `${node.inputs.length} and ${node.outputs.length}`;
    fail(
      "graph",
      `${place}: expected ≤ ${mostInputs} inputs, ${mostOutputs} outputs, got ${got}`,
      node.at,
    );
  }
  const attributes = readAttributes(model.where, node, opset);
  const inputs: Partial<Record<OnnxInputName, OnnxOperand>> = {};
  node.inputs.forEach((input, i) => {
    if (input === "") return;
    const tensor = tensorOf(input);
    inputs[INPUTS[i] as OnnxInputName] =
      tensor === undefined ? { name: input } : { name: input, tensor };
  });
  for (const required of ["X", "W", "R"] as const) {
    if (inputs[required] === undefined) {
      fail("graph", `${place}: expected an input ${required}, got none`, node.at);
    }
  }
  const outputs: Partial<Record<OnnxOutputName, string>> = {};
  node.outputs.forEach((output, i) => {
    if (output !== "") outputs[OUTPUTS[i] as OnnxOutputName] = output;
  });
  return { name, operator, opset, attributes, inputs, outputs };
}

/** Finds the numbers that the graph itself holds: initializers and outputs of Constant nodes. */
export function heldTensors({ model, read }: OpenModel): (name: string) => OnnxTensor | undefined {
  const constants = new Map<string, TensorProto>();
  for (const { operator, domain, outputs, attributes } of model.graph.nodes) {
    const value = attributes.get("value")?.t;
    const [output = ""] = outputs;
    if (operator === "Constant" && domain === "" && value) constants.set(output, value);
  }
  return (name) => {
    const proto = model.graph.initializers.get(name) ?? constants.get(name);
    return proto && read(proto);
  };
}

const publicValue = ({ name, dtype, shape }: ValueProto): OnnxValue => {
  const kind = dtypeOf(dtype)?.name;
  return { name, ...(kind && { dtype: kind }), ...(shape && { shape }) };
};

/** The graph's inputs that a caller must give. */
export const openInputs = ({ graph }: ModelProto): OnnxValue[] =>
  graph.inputs.filter(({ name }) => !graph.initializers.has(name)).map(publicValue);

/**
 * Lists the content of an ONNX file: its recurrent nodes with attributes, weights and names.
 *
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the file breaks a rule, or a recurrent node is not one of ONNX 1–22: `code` names the rule
 *   (docs/formats.md), `tensor` and `offset` give the place
 */
export function readOnnx(file: Uint8Array | ArrayBuffer, options: ReadOnnxOptions = {}): OnnxFile {
  const open = openModel("readOnnx", file, options);
  const { model, opset } = open;
  const { graph, irVersion, producer, metadata } = model;
  const tensorOf = heldTensors(open);
  return {
    irVersion,
    producer,
    opset,
    metadata,
    graph: graph.name,
    inputs: openInputs(model),
    outputs: graph.outputs.map(publicValue),
    nodes: graph.nodes.filter(isRecurrent).map((node) => readNode(open, node, tensorOf)),
    operators: [
      ...new Set(
        graph.nodes.map(({ domain, operator }) => (domain ? `${domain}.${operator}` : operator)),
      ),
    ],
  };
}
