import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { shapeError } from "../../formats/onnx/layer.js";
import type { Floats, Precision } from "../../wasm/abi.js";
import { Builder } from "../builder.js";
import type { Memo } from "../memo.js";
import { moved } from "../moves.js";
import type { Node, Operator } from "../node.js";
import { elementwiseOperators } from "../operators/elementwise.js";
import { gather } from "../operators/indexing.js";
import { productOperators } from "../operators/products.js";
import { layerOfNode, PLACES } from "../operators/recurrent.js";
import { softmax } from "../operators/reduce.js";
import { shapeOperators } from "../operators/shape.js";
import type { Value } from "../value.js";
import type { Pattern } from "./pattern.js";

export const WHERE = "describeOnnx";

/** Folds without an engine: shapes, and weights that only move. Faults of a graph are of the operator at hand. */
export class DescribingBuilder extends Builder {
  constructor(pattern: Pattern, precision: Precision, maximumBytes: number, memo: Memo) {
    const fold = (op: Parameters<typeof moved>[0]): readonly Floats[] => {
      const numbers = moved(op);
      if (numbers === undefined)
        return this.fail("operator", "expected numbers that are not computed");
      for (const input of op.inputs) pattern.name(numbers, pattern.nameOf(input));
      return [numbers];
    };
    super(fold, precision, maximumBytes, memo);
  }

  override fail(code: ModelFormatCode, what: string): never {
    const kept = code === "graph" || code === "too-large" ? code : "operator";
    const where = this.where.replace(`${WHERE}: `, `${WHERE}: operator `);
    throw new ModelFormatError(kept, `${where}: ${what}`);
  }
}

/** Attributes that change nothing here. */
const IGNORED = ["ratio", "seed", "saturate", "beta"];

/** A recurrent node whose states and lengths are left to the pattern. */
function recurrent(node: Node, builder: Builder): Value[] {
  const { proto } = node;
  const { read, layer } = layerOfNode(node, (name, expected, found) => {
    const held =
      proto.inputs[name === "W" || name === "R" || name === "B" ? PLACES[name] : PLACES.P];
    return shapeError(WHERE, held ?? name, `${name} ${expected}`, found);
  });
  const isBatchFirst = read.attributes.layout === 1;
  const turn = (x: Value): Value =>
    isBatchFirst ? builder.permute(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)]) : x;
  const given = node.input(0);
  if (given.shape.length !== 3) builder.fail("shape", "X: expected steps, sequences and features");
  const x = turn(given);
  const [T, m] = x.shape as [number, number];
  const { directions, na } = layer;
  const states = [node.optional(PLACES.initial_h), node.optional(PLACES.initial_c)];
  const lengths = node.optional(PLACES.sequence_lens);
  const inputs = [x, ...states, lengths].filter((each) => each !== undefined);
  const shape = [directions, m, na];
  const all = [[T, ...shape], shape, ...(read.operator === "LSTM" ? [shape] : [])];
  const [Y, ...last] = builder.add(
    "recurrent",
    inputs,
    all.map((each) => ({ kind: x.kind, precision: x.precision, shape: each })),
    {
      node: read,
      layer,
      h: states[0] !== undefined,
      c: states[1] !== undefined,
      lengths: undefined,
    },
  ) as [Value, ...Value[]];
  return [isBatchFirst ? builder.permute(Y, [2, 0, 1, 3]) : Y, ...last.map(turn)];
}

/** 0 and 1 along a new last axis. */
const oneHot =
  (pattern: Pattern): Operator =>
  (node, builder) => {
    const [tokens, depth, values] = [node.input(0), node.input(1), node.input(2)];
    const rank = tokens.shape.length + 1;
    const [size = 0] = builder.numbers(depth);
    const pair = Array.from(builder.numbers(values));
    const isLast = node.axis(node.int("axis", -1), rank) === rank - 1;
    if (!isLast || `${pair}` !== "0,1" || !(size >= 1)) {
      builder.fail("operator", "expected 0 and 1 along a new last axis");
    }
    const { kind, precision } = values;
    const vectors = builder.value(kind, precision, [...tokens.shape, size]);
    pattern.oneHot(vectors, { node: node.proto, tokens, size });
    return vectors;
  };

/** The operators of language models and taggers, whose operations belong to their nodes. */
export function operatorsFor(pattern: Pattern): (name: string) => Operator | undefined {
  const all: Readonly<Record<string, Operator>> = {
    ...shapeOperators(),
    ...elementwiseOperators(),
    ...productOperators(),
    Gather: gather,
    OneHot: oneHot(pattern),
    Softmax: softmax(false),
    LogSoftmax: softmax(true),
    RNN: recurrent,
    GRU: recurrent,
    LSTM: recurrent,
  };
  const isRecurrent = ["RNN", "GRU", "LSTM"];
  return (name) => {
    const make = Object.hasOwn(all, name) ? all[name] : undefined;
    if (make === undefined) return undefined;
    return (node, builder) => {
      const before = builder.operations.length;
      const made = make(node, builder);
      pattern.belong(builder.operations.slice(before), node.proto);
      // The attributes of recurrent nodes are checked where they are read.
      const foreign = isRecurrent.includes(name) ? undefined : node.unseen;
      if (foreign !== undefined && !IGNORED.includes(foreign)) {
        builder.fail("attribute", `attribute ${foreign} is not supported`);
      }
      return made;
    };
  };
}
