import type { Precision } from "../../wasm/abi.js";
import type { Builder } from "../builder.js";
import type { BINARY, UNARY } from "../codes.js";
import type { Node, Operator } from "../node.js";
import type { Kind, Value } from "../value.js";

type Binary = keyof typeof BINARY;
type Unary = keyof typeof UNARY;

const unary =
  (name: Unary, alpha = 0, beta = 0): Operator =>
  (node, builder) =>
    builder.unary(name, node.input(0), alpha, beta);

/** A function whose parameters are attributes. */
const parametrised =
  (name: Unary, alpha: number, beta?: number): Operator =>
  (node, builder) =>
    builder.unary(
      name,
      node.input(0),
      node.float("alpha", alpha),
      beta === undefined ? 0 : node.float(name === "selu" ? "gamma" : "beta", beta),
    );

/** Before opset 7 a second operand was broadcast from `axis` on, and only with `broadcast` = 1. */
function operands(node: Node, builder: Builder): [Value, Value] {
  const [a, b] = [node.input(0), node.input(1)];
  if (node.opset >= 7 || !node.flag("broadcast")) return [a, b];
  const rank = a.shape.length;
  const axis = node.has("axis") ? node.axis(node.int("axis"), rank) : rank - b.shape.length;
  const trailing = Math.max(rank - axis - b.shape.length, 0);
  return [a, builder.reshape(b, [...b.shape, ...new Array<number>(trailing).fill(1)])];
}

const binary =
  (name: Binary, integers: Binary = name): Operator =>
  (node, builder) => {
    const [a, b] = operands(node, builder);
    if (name === "multiply" && a === b) return builder.unary("square", a);
    return builder.binary(a.kind === "int" ? integers : name, a, b);
  };

const comparison =
  (name: Binary): Operator =>
  (node, builder) =>
    builder.binary(name, ...operands(node, builder), "bool");

/** Max, Min, Sum, Mean of any number of values. */
const several =
  (name: Binary, mean = false): Operator =>
  (node, builder) => {
    const values = node.inputs();
    const total = values
      .slice(1)
      .reduce((sum, value) => builder.binary(name, sum, value), node.input(0));
    if (!mean) return total;
    return builder.binary("divide", total, builder.scalar(total, values.length));
  };

function power(node: Node, builder: Builder): Value {
  const [x, exponent] = [node.input(0), node.input(1)];
  const known = exponent.size === 1 ? exponent.data?.[0] : undefined;
  if (exponent.shape.length <= x.shape.length) {
    if (known === 2) return builder.unary("square", x);
    if (known === 0.5) return builder.unary("sqrt", x);
    if (known === 1) return x;
  }
  const y = builder.binary("power", x, exponent, x.kind);
  return builder.convert(y, x.kind, x.precision);
}

/** A bound of Clip: an attribute before opset 11, then an input. */
function clip(node: Node, builder: Builder): Value {
  const x = node.input(0);
  if (node.opset < 11) {
    const low = node.float("min", Number.NEGATIVE_INFINITY);
    return builder.unary("clip", x, low, node.float("max", Number.POSITIVE_INFINITY));
  }
  const [low, high] = [node.optional(1), node.optional(2)];
  if ((low === undefined || low.data) && (high === undefined || high.data)) {
    const least = low?.data?.[0] ?? Number.NEGATIVE_INFINITY;
    return builder.unary("clip", x, least, high?.data?.[0] ?? Number.POSITIVE_INFINITY);
  }
  const above = low === undefined ? x : builder.binary("maximum", x, low);
  return high === undefined ? above : builder.binary("minimum", above, high);
}

/** TensorProto's numbers of the types that graphs compute with. */
const KINDS: Readonly<Record<number, Kind>> = {
  1: "float",
  10: "float",
  11: "float",
  16: "float",
  2: "int",
  3: "int",
  4: "int",
  5: "int",
  6: "int",
  7: "int",
  12: "int",
  13: "int",
  9: "bool",
};

/** How a kind is held in a graph of a precision. */
export function kindOf(
  type: number,
  precision: Precision,
): { kind: Kind; precision: Precision } | undefined {
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) return undefined;
  return { kind, precision: kind === "float" ? precision : "f64" };
}

function cast(node: Node, builder: Builder): Value {
  const to = node.int("to");
  const wanted = kindOf(to, builder.precision);
  if (wanted === undefined) return builder.fail("dtype", `to: expected a number type, got ${to}`);
  return builder.convert(node.input(0), wanted.kind, wanted.precision);
}

function castLike(node: Node, builder: Builder): Value {
  const { kind, precision } = node.input(1);
  return builder.convert(node.input(0), kind, precision);
}

const identity: Operator = (node) => node.input(0);

/** Nothing is dropped when a model is used; the mask says so. */
function dropout(node: Node, builder: Builder): (Value | undefined)[] {
  const x = node.input(0);
  const training = node.optional(2);
  if (training !== undefined && builder.numbers(training)[0] !== 0) {
    builder.fail("attribute", "expected training_mode = false: a graph is not trained");
  }
  if (node.outputCount < 2) return [x];
  const one = builder.constant("bool", [], Float64Array.of(1));
  return [x, builder.expand(one, x.shape)];
}

/** Relu and the like on integers stay integers. */
export const elementwiseOperators = (): Readonly<Record<string, Operator>> => ({
  Add: binary("add"),
  Sub: binary("subtract"),
  Mul: binary("multiply"),
  Div: binary("divide", "quotient"),
  Pow: power,
  Mod: (node, builder) =>
    builder.binary(node.flag("fmod") ? "remainder" : "modulo", node.input(0), node.input(1)),
  PRelu: (node, builder) => {
    const [x, slope] = [node.input(0), node.input(1)];
    const channels = slope.shape.length === 1 && x.shape.length > 2 && slope.size === x.shape[1];
    if (node.opset >= 7 || !channels) return builder.binary("prelu", x, slope);
    const shape = [slope.size, ...x.shape.slice(2).map(() => 1)];
    return builder.binary("prelu", x, builder.reshape(slope, shape));
  },
  Max: several("maximum"),
  Min: several("minimum"),
  Sum: several("add"),
  Mean: several("add", true),
  Equal: comparison("equal"),
  Less: comparison("less"),
  Greater: comparison("greater"),
  LessOrEqual: comparison("lessOrEqual"),
  GreaterOrEqual: comparison("greaterOrEqual"),
  And: comparison("and"),
  Or: comparison("or"),
  Xor: comparison("xor"),
  Not: unary("not"),
  Where: (node, builder) => builder.select(node.input(0), node.input(1), node.input(2)),
  Sqrt: unary("sqrt"),
  Exp: unary("exp"),
  Log: unary("log"),
  Neg: unary("neg"),
  Abs: unary("abs"),
  Erf: unary("erf"),
  Reciprocal: unary("reciprocal"),
  Floor: unary("floor"),
  Ceil: unary("ceil"),
  Round: unary("round"),
  Sign: unary("sign"),
  Sin: unary("sin"),
  Cos: unary("cos"),
  IsNaN: (node, builder) => {
    const x = node.input(0);
    return builder.convert(builder.unary("isNaN", x), "bool", x.precision);
  },
  Relu: unary("relu"),
  Sigmoid: unary("sigmoid"),
  Tanh: unary("tanh"),
  Softplus: unary("softplus"),
  Softsign: unary("softsign"),
  HardSwish: unary("hardSwish"),
  Mish: unary("mish"),
  LeakyRelu: parametrised("leakyRelu", 0.01),
  ThresholdedRelu: parametrised("thresholdedRelu", 1),
  Elu: parametrised("elu", 1),
  Celu: (node, builder) => {
    const alpha = node.float("alpha", 1);
    const scaled = builder.unary("affine", node.input(0), 1 / alpha, 0);
    const below = builder.unary("elu", scaled, 1);
    return builder.unary("affine", below, alpha, 0);
  },
  Selu: parametrised("selu", 1.6732631921768188, 1.0507010221481323),
  HardSigmoid: parametrised("hardSigmoid", 0.2, 0.5),
  Gelu: (node, builder) =>
    builder.unary(node.text("approximate", "none") === "tanh" ? "geluTanh" : "gelu", node.input(0)),
  Clip: clip,
  Cast: cast,
  CastLike: castLike,
  Identity: identity,
  Dropout: dropout,
});
