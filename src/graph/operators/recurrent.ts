import type { StoredNumbers } from "../../description/description.js";
import { type OnnxInputName, type OnnxNode, readNode } from "../../formats/onnx/file.js";
import { layerOf, type NodeLayer, type Weights } from "../../formats/onnx/layer.js";
import { Wire } from "../../formats/onnx/wire.js";
import { formatShape } from "../../tensor.js";
import type { Builder } from "../builder.js";
import type { Node, Operator } from "../node.js";
import { sameShape, type Value } from "../value.js";

/** The places of the inputs. */
export const PLACES = {
  X: 0,
  W: 1,
  R: 2,
  B: 3,
  sequence_lens: 4,
  initial_h: 5,
  initial_c: 6,
  P: 7,
} as const satisfies Record<OnnxInputName, number>;

const WEIGHTS = ["W", "R", "B", "P"] as const;

type Fail = (name: OnnxInputName, expected: string, found: string) => never;

/**
 * What an RNN, GRU or LSTM node says, and its layer; the weights must be known.
 *
 * @param fail throws: a weight does not have the expected shape
 */
export function layerOfNode(node: Node, fail: Fail): { read: OnnxNode; layer: NodeLayer } {
  const { proto, opset, builder } = node;
  const weights = WEIGHTS.map((name) => node.optional(PLACES[name]));
  const operands: { [name in OnnxInputName]?: StoredNumbers } = {};
  WEIGHTS.forEach((name, i) => {
    const given = weights[i];
    if (given === undefined) return;
    operands[name] = { shape: given.shape, data: builder.numbers(given) };
  });
  const wire = new Wire(builder.where, new Uint8Array(0));
  const open = { model: { where: builder.where }, opset, fail: wire.fail.bind(wire) };
  const read = readNode(open, proto, () => undefined);
  const ids = weights.map((each) => `${builder.memo.idOf(each?.data)}:${each?.shape}`);
  const key = `${ids.join(" ")} ${proto.operator} ${JSON.stringify(read.attributes)}`;
  const layer = builder.memo.layer(key, () => {
    // Copies in the engine's order of gates, and what is packed from them.
    for (const each of weights) builder.count(3 * (each?.data?.byteLength ?? 0));
    return layerOf(read, operands as Weights, fail);
  });
  return { read, layer };
}

/** Turns tensors of layout 1 (batch first) around, and the outputs back. */
export function batchFirst(builder: Builder, { attributes }: OnnxNode) {
  const isFirst = attributes.layout === 1;
  const turn = (x: Value): Value =>
    isFirst ? builder.permute(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)]) : x;
  const back = ([Y, ...last]: readonly Value[]): Value[] => [
    isFirst ? builder.permute(Y as Value, [2, 0, 1, 3]) : (Y as Value),
    ...last.map(turn),
  ];
  return { isFirst, turn, back };
}

/** RNN, GRU and LSTM. */
function recurrent(node: Node, builder: Builder): (Value | undefined)[] {
  const { proto } = node;
  const value = (name: keyof typeof PLACES): Value | undefined => node.optional(PLACES[name]);
  const { read, layer } = layerOfNode(node, (name, expected, found) =>
    builder.fail("shape", `${name}: expected ${expected}, got ${found}`),
  );
  const { isFirst, turn, back } = batchFirst(builder, read);
  const x = turn(node.input(0));
  const { directions: D, nx, na } = layer;
  const [T, m] = x.shape as [number, number];
  if (x.shape.length !== 3 || x.shape[2] !== nx) {
    const letters = isFirst ? "(m, T, nx)" : "(T, m, nx)";
    builder.fail(
      "shape",
      `X: expected ${letters} with nx = ${nx}, got ${formatShape(node.input(0).shape)}`,
    );
  }
  const state = [D, m, na];
  const initial = (["initial_h", "initial_c"] as const).map((name) => {
    const given = value(name);
    if (given === undefined) return undefined;
    const turned = turn(given);
    if (!sameShape(turned.shape, state)) {
      builder.fail(
        "shape",
        `${name}: expected ${formatShape(state)}, got ${formatShape(turned.shape)}`,
      );
    }
    return turned;
  });
  const isLstm = proto.operator === "LSTM";
  const lengths = lengthsOf(builder, value("sequence_lens"), T, m);
  const like = { kind: x.kind, precision: x.precision };
  const outputs = [
    { ...like, shape: [T, D, m, na] },
    { ...like, shape: state },
  ];
  const made = builder.add(
    "recurrent",
    [x, ...initial.filter((each) => each !== undefined)],
    isLstm ? [...outputs, { ...like, shape: state }] : outputs,
    {
      node: read,
      layer,
      lengths,
      h: initial[0] !== undefined,
      c: initial[1] !== undefined,
      work: T * m * D * na * (nx + na) * 4,
    },
  );
  return back(made);
}

/** The length of each sequence; nothing where all have T. */
function lengthsOf(
  builder: Builder,
  value: Value | undefined,
  T: number,
  m: number,
): number[] | undefined {
  if (value === undefined) return undefined;
  const lengths = Array.from(builder.numbers(value));
  if (lengths.length !== m || lengths.some((length) => !(length >= 0 && length <= T))) {
    builder.fail("shape", `sequence_lens: expected ${m} integers in 0 … ${T}, got (${lengths})`);
  }
  return lengths.every((length) => length === T) ? undefined : lengths;
}

export const recurrentOperators = (): Readonly<Record<string, Operator>> => ({
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
});
