import { nameOf } from "../../formats/onnx/file.js";
import { shapeError } from "../../formats/onnx/layer.js";
import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import { elementwiseOperators } from "../operators/elementwise.js";
import { gather } from "../operators/indexing.js";
import { productOperators } from "../operators/products.js";
import { batchFirst, layerOfNode, PLACES } from "../operators/recurrent.js";
import { global, reduction, softmax } from "../operators/reduce.js";
import { shapeOperators } from "../operators/shape.js";
import type { Value } from "../value.js";
import { type Describer, WHERE } from "./describer.js";
import { embed } from "./layers.js";

/** Attributes that change nothing here. */
const IGNORED = ["ratio", "seed", "saturate", "beta"];
const RECURRENT = ["RNN", "GRU", "LSTM"];

/** A recurrent node whose states and lengths may be the caller's: only their place is looked at. */
function recurrent(node: Node, builder: Builder): Value[] {
  const { read, layer } = layerOfNode(node, (name, expected, found) => {
    const held = node.proto.inputs[PLACES[name]] ?? name;
    return shapeError(WHERE, held, `${name} ${expected}`, found);
  });
  const given = node.input(0);
  if (given.shape.length !== 3) builder.fail("shape", "X: expected steps, sequences and features");
  const { turn, back } = batchFirst(builder, read);
  const x = turn(given);
  const [T, m] = x.shape as [number, number];
  const { directions, na } = layer;
  const h = node.optional(PLACES.initial_h);
  const c = node.optional(PLACES.initial_c);
  const inputs = [x, h, c, node.optional(PLACES.sequence_lens)].filter(
    (each) => each !== undefined,
  );
  const state = { ...x, shape: [directions, m, na] };
  const outputs = [{ ...x, shape: [T, ...state.shape] }, state, state];
  const known = { node: read, layer, h: h !== undefined, c: c !== undefined, lengths: undefined };
  const count = read.operator === "LSTM" ? 3 : 2;
  return back(builder.add("recurrent", inputs, outputs.slice(0, count), known));
}

/** 0 and 1 along a new last axis. */
const oneHot =
  (describer: Describer): Operator =>
  (node) => {
    const [tokens, depth, values] = [node.input(0), node.input(1), node.input(2)];
    const rank = tokens.shape.length + 1;
    const [size = 0] = describer.numbers(depth);
    const isLast = node.axis(node.int("axis", -1), rank) === rank - 1;
    if (!isLast || `${describer.numbers(values)}` !== "0,1" || !(size >= 1)) {
      describer.refuse("expected 0 and 1 along a new last axis");
    }
    const { kind, precision } = values;
    const vectors = describer.value(kind, precision, [...tokens.shape, size]);
    const place = describer.place(tokens);
    describer.put(vectors, embed(describer, place, { kind: "one-hot", size }));
    return vectors;
  };

/** The operators of language models and taggers. */
export function operatorsFor(describer: Describer): (name: string) => Operator | undefined {
  const all: Readonly<Record<string, Operator>> = {
    ...shapeOperators(),
    ...elementwiseOperators(),
    ...productOperators(),
    Gather: gather,
    OneHot: oneHot(describer),
    GlobalAveragePool: global("mean"),
    GlobalMaxPool: global("maximum"),
    ReduceMean: reduction("mean"),
    ReduceMax: reduction("maximum"),
    Softmax: softmax(false),
    LogSoftmax: softmax(true),
    ...Object.fromEntries(RECURRENT.map((name) => [name, recurrent])),
  };
  return (name) => {
    const make = Object.hasOwn(all, name) ? all[name] : undefined;
    if (make === undefined) return undefined;
    return (node, builder) => {
      describer.node = nameOf(node.proto);
      const made = make(node, builder);
      // The attributes of recurrent nodes are checked where they are read.
      const unseen = RECURRENT.includes(name) ? undefined : node.unseen;
      if (unseen !== undefined && !IGNORED.includes(unseen)) {
        describer.refuse(`attribute ${unseen} is not supported`);
      }
      return made;
    };
  };
}
