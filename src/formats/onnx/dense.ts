import type { ActivationName } from "../../cells/activations.js";
import type { DenseDescription } from "../../description/description.js";
import { axisOf, type Work } from "./folding.js";
import { type Axis, type Flow, type Known, type Label, transposed } from "./values.js";

/** The labels of an axis without those of extent 1, which are meaningless unless alone. */
const plain = (axis: Axis): Axis => {
  const rest = axis.filter(({ size }) => size !== 1);
  return rest.length === 0 ? axis.slice(0, 1) : rest;
};

export const sameAxis = (a: Axis, b: Axis): boolean => {
  const [left, right] = [plain(a), plain(b)];
  return left.length === right.length && left.every((label, i) => label === right[i]);
};

/** The name of the module that a node came from: PyTorch's "/encoder/rnn/LSTM_1" is encoder.rnn. */
export function moduleOf(name: string): string | undefined {
  const path = name.split("/").slice(1, -1);
  // Within nn.Sequential a part repeats its parent's name: "/head/head.0/Gemm".
  const parts = path.filter((part, i) => !path[i + 1]?.startsWith(`${part}.`));
  return name.startsWith("/") && parts.length > 0 ? parts.join(".") : undefined;
}

/** The name of a weight's module. */
const moduleOfWeight = (name: string): string | undefined =>
  /^(.+)\.(weight|bias)$/.exec(name)?.[1];

/** Throws unless the last axis is the whole vector of one step. */
function lastIsWhole({ axes, features, part, chain }: Flow, { refuse }: Work): void {
  const last = axes.at(-1);
  if (part === undefined && last !== undefined && features.length > 0 && sameAxis(last, features)) {
    return;
  }
  const reached = chain.recurrent.length === 0 ? "the input" : "a layer's whole output";
  refuse(`expected ${reached} along the last axis`);
}

/** Replaces the last dense layer. */
function changeDense(flow: Flow, change: Partial<DenseDescription>): Flow {
  const { chain } = flow;
  const last = chain.dense.at(-1) as DenseDescription;
  return {
    ...flow,
    chain: { ...chain, dense: [...chain.dense.slice(0, -1), { ...last, ...change }] },
  };
}

/** x·weight, with the file's weight (n, ny). */
function multiply(work: Work, flow: Flow, weight: Known, turn: boolean): Flow {
  const { node, refuse, take } = work;
  lastIsWhole(flow, work);
  const { chain, axes, features } = flow;
  if (chain.recurrent.length === 0) refuse("expected a recurrent layer before a linear one");
  const n = features.reduce((product, { size }) => product * (size ?? Number.NaN), 1);
  const rows = turn ? weight.shape[0] : weight.shape[1];
  const columns = turn ? weight.shape[1] : weight.shape[0];
  if (weight.shape.length !== 2 || columns !== n) {
    refuse(`expected a weight for ${n} numbers, got (${weight.shape})`);
  }
  if (turn) take(weight.data.length);
  const { shape, data } = turn ? weight : transposed(weight, [1, 0]);
  const made: Label = { size: rows };
  const name = moduleOfWeight(weight.name) ?? moduleOf(node.name) ?? (weight.name || node.name);
  const dense: DenseDescription = { name, weight: { shape, data }, activation: "identity" };
  return {
    ...flow,
    axes: [...axes.slice(0, -1), [made]],
    features: [made],
    chain: { ...chain, dense: [...chain.dense, dense] },
  };
}

/** Adds the bias (ny) to the product before. */
function addBias(work: Work, flow: Flow, bias: Known): Flow {
  lastIsWhole(flow, work);
  const last = flow.chain.dense.at(-1);
  const ny = last?.weight.shape[0];
  const shape = bias.shape.filter((extent, i) => extent !== 1 || i === bias.shape.length - 1);
  if (last === undefined || last.bias !== undefined || last.activation !== "identity") {
    return work.refuse("expected the product of a linear layer, without a bias yet");
  }
  if (shape.length !== 1 || shape[0] !== ny) work.refuse(`expected (${ny},), got (${bias.shape})`);
  const name = moduleOfWeight(bias.name) ?? last.name;
  return changeDense(flow, { name, bias: { shape, data: bias.data } });
}

function activate(work: Work, flow: Flow, activation: DenseDescription["activation"]): Flow {
  lastIsWhole(flow, work);
  const last = flow.chain.dense.at(-1);
  if (last === undefined || last.activation !== "identity") {
    return work.refuse("expected a linear layer below it, without a function yet");
  }
  return changeDense(flow, { activation });
}

const ACTIVATIONS: Record<
  string,
  { name: ActivationName; parameters?: readonly ("alpha" | "beta")[] }
> = {
  Sigmoid: { name: "sigmoid" },
  Tanh: { name: "tanh" },
  Relu: { name: "relu" },
  LeakyRelu: { name: "leakyRelu", parameters: ["alpha"] },
  ThresholdedRelu: { name: "thresholdedRelu", parameters: ["alpha"] },
  HardSigmoid: { name: "hardSigmoid", parameters: ["alpha", "beta"] },
  Elu: { name: "elu", parameters: ["alpha"] },
  Softsign: { name: "softsign" },
  Softplus: { name: "softplus" },
};

function applyFunction(work: Work, flow: Flow): Flow {
  const { name, parameters = [] } = ACTIVATIONS[work.node.operator] as (typeof ACTIVATIONS)[string];
  const given = parameters.flatMap((each) => {
    const value = work.attribute(each)?.f;
    return value === undefined ? [] : [[each, value] as const];
  });
  return activate(work, flow, given.length === 0 ? name : { name, ...Object.fromEntries(given) });
}

function softmax(work: Work, flow: Flow): Flow {
  const { axes } = flow;
  // Before opset 13 the axis defaults to 1, and all axes from it on count as one.
  const axis = axisOf(work, work.attribute("axis")?.i ?? (work.opset < 13 ? 1 : -1), axes.length);
  if (axis !== axes.length - 1) work.refuse("expected it along the last axis");
  return activate(work, flow, work.node.operator === "Softmax" ? "softmax" : "logSoftmax");
}

function product(work: Work, flow: Flow): Flow {
  const weight = work.inputs[1];
  if (weight?.kind !== "known") return work.refuse("expected a weight of the file on the right");
  return multiply(work, flow, weight, false);
}

function gemm(work: Work, flow: Flow): Flow {
  const [, weight, bias] = work.inputs;
  const number = (name: string) => work.attribute(name)?.f ?? 1;
  const flag = (name: string) => work.attribute(name)?.i ?? 0;
  if (number("alpha") !== 1 || number("beta") !== 1 || flag("transA") !== 0) {
    work.refuse("expected alpha = beta = 1 and transA = 0");
  }
  if (weight?.kind !== "known" || flow.axes.length !== 2) return work.refuse("expected a weight");
  const made = multiply(work, flow, weight, flag("transB") !== 0);
  if (bias === undefined) return made;
  return bias.kind === "known" ? addBias(work, made, bias) : work.refuse("expected a bias");
}

function sum(work: Work, flow: Flow): Flow {
  const other = work.inputs.find((value) => value !== flow);
  return other?.kind === "known" ? addBias(work, flow, other) : work.refuse("expected a bias");
}

/** The operators of linear layers and activations. */
export const DENSE: Record<string, (work: Work, flow: Flow) => Flow> = {
  MatMul: product,
  Gemm: gemm,
  Add: sum,
  Softmax: softmax,
  LogSoftmax: softmax,
  ...Object.fromEntries(Object.keys(ACTIVATIONS).map((operator) => [operator, applyFunction])),
};

/** Gather: tokens select rows of a table (V, nx). */
export function embedded(work: Work, tokens: Flow, table: Known): Flow {
  const [, nx] = table.shape;
  if (table.shape.length !== 2 || (work.attribute("axis")?.i ?? 0) !== 0 || !tokens.whole) {
    return work.refuse("expected tokens that choose rows of a table");
  }
  if (tokens.chain.input !== undefined) return work.refuse("expected the graph's input");
  const made: Label = { size: nx };
  const name = moduleOfWeight(table.name) ?? moduleOf(work.node.name) ?? table.name;
  const input = {
    kind: "embedding",
    name,
    weight: { shape: table.shape, data: table.data },
  } as const;
  return {
    ...tokens,
    whole: false,
    axes: [...tokens.axes, [made]],
    features: [made],
    chain: { ...tokens.chain, input },
  };
}

/** OneHot: tokens become one-hot vectors. */
export function oneHot(work: Work, tokens: Flow): Flow {
  const [, depth, values] = work.inputs;
  const axis = work.attribute("axis")?.i ?? -1;
  const rank = tokens.axes.length + 1;
  const size = depth?.kind === "known" ? (depth.data[0] ?? 0) : 0;
  const pair = values?.kind === "known" ? `${values.data}` : "";
  if (axisOf(work, axis, rank) !== rank - 1 || pair !== "0,1" || !(size >= 1) || !tokens.whole) {
    return work.refuse("expected 0 and 1 along a new last axis");
  }
  if (tokens.chain.input !== undefined) return work.refuse("expected the graph's input");
  const made: Label = { size };
  return {
    ...tokens,
    whole: false,
    axes: [...tokens.axes, [made]],
    features: [made],
    chain: { ...tokens.chain, input: { kind: "one-hot", size } },
  };
}
