import type { OpenModel } from "../formats/onnx/file.js";
import type { TensorProto } from "../formats/onnx/tensor.js";
import type { Floats, Precision } from "../wasm/abi.js";
import { kindOf } from "./operators/elementwise.js";
import { inPrecision, type Value } from "./value.js";

const DOUBLE = 11;

/** The precision of a graph: f64 if an input or a weight of it is DOUBLE. */
export function precisionOf({ model: { graph } }: OpenModel): Precision {
  const isDouble =
    graph.inputs.some(({ dtype }) => dtype === DOUBLE) ||
    [...graph.initializers.values()].some(({ dtype }) => dtype === DOUBLE);
  return isDouble ? "f64" : "f32";
}

/** Reads the tensors of a file as values, each once. */
export function tensorsOf(open: OpenModel, precision: Precision): (proto: TensorProto) => Value {
  const values = new Map<TensorProto, Value>();
  return (proto) => {
    const known = values.get(proto);
    if (known !== undefined) return known;
    const { shape, data } = open.read(proto);
    const held = kindOf(proto.dtype, precision);
    if (held === undefined) {
      const what = `data_type: expected numbers, got number ${proto.dtype}`;
      return open.fail("dtype", what, proto.at, proto.name);
    }
    const numbers = inPrecision(held.precision, data as Floats);
    const value = { ...held, shape, size: numbers.length, data: numbers, origins: 0 };
    values.set(proto, value);
    return value;
  };
}
