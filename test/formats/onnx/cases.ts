import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type OnnxNode, readOnnx } from "../../../src/formats/onnx.js";
import { type OnnxFunction, type OnnxOracleNode, runOracle } from "../../oracle/onnx.js";
import type { OnnxArray } from "./writer.js";

interface StoredArray {
  readonly type: string;
  readonly shape: readonly number[];
  /** Base64, little-endian. */
  readonly data: string;
}

interface StoredCase {
  readonly name: string;
  readonly model: string;
  readonly inputs: Record<string, StoredArray>;
  readonly outputs: Record<string, StoredArray>;
}

/** A model of one node, its inputs, and what somebody else computed from them. */
export interface OnnxCase {
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: Record<string, OnnxArray>;
  readonly outputs: Record<string, OnnxArray>;
}

function array({ type, shape, data }: StoredArray): OnnxArray {
  const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
  if (type === "float32") return { shape, data: new Float32Array(buffer) };
  if (type === "float64") return { shape, data: new Float64Array(buffer) };
  if (type === "int64") return { shape, data: new BigInt64Array(buffer) };
  return { shape, data: new Int32Array(buffer) };
}

const arrays = (stored: Record<string, StoredArray>): Record<string, OnnxArray> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, array(value)]));

/** The cases of test/fixtures/onnx/`file`. */
export function loadCases(file: string): OnnxCase[] {
  const path = fileURLToPath(new URL(`../../fixtures/onnx/${file}`, import.meta.url));
  const stored: StoredCase[] = JSON.parse(readFileSync(path, "utf8"));
  return stored.map(({ name, model, inputs, outputs }) => ({
    name,
    model: Uint8Array.from(Buffer.from(model, "base64")),
    inputs: arrays(inputs),
    outputs: arrays(outputs),
  }));
}

type Numbers = { readonly shape: readonly number[]; readonly data: ArrayLike<number> };

/** Axes 0 and 1 exchanged, or for Y (m, T, D, na) the three turned. */
function turned({ shape, data }: Numbers, order: readonly number[]): Numbers {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const to = order.map((axis) => shape[axis] as number);
  const result = new Float64Array(data.length);
  for (let i = 0; i < result.length; i++) {
    let [rest, from] = [i, 0];
    for (let k = to.length - 1; k >= 0; k--) {
      const extent = to[k] as number;
      from += (rest % extent) * (strides[order[k] as number] as number);
      rest = Math.floor(rest / extent);
    }
    result[i] = data[from] as number;
  }
  return { shape: to, data: result };
}

const functionOf = (given: OnnxNode["attributes"]["activations"][number]): OnnxFunction =>
  typeof given === "string" ? { name: given } : given;

/** What the float64 oracle gives for a case, under the names of the graph. */
export function expectedOf(model: Uint8Array, inputs: Record<string, Numbers>) {
  const [node] = readOnnx(model).nodes as [OnnxNode];
  const get = (name: keyof OnnxNode["inputs"]): Numbers | undefined => {
    const operand = node.inputs[name];
    return operand && (inputs[operand.name] ?? operand.tensor);
  };
  const { attributes, operator } = node;
  const wise = attributes.layout === 1;
  const major = (value: Numbers | undefined): Numbers | undefined =>
    value && wise ? turned(value, [1, 0, 2]) : value;
  const oracle: OnnxOracleNode = {
    operator,
    ...attributes,
    activations: attributes.activations.map(functionOf),
    W: get("W") as Numbers,
    R: get("R") as Numbers,
    B: get("B"),
    P: get("P"),
  };
  const X = major(get("X")) as Numbers;
  const [h, c] = [major(get("initial_h")), major(get("initial_c"))];
  const result = runOracle(oracle, { X, lens: get("sequence_lens")?.data, h, c });
  const [T = 0, m = 0] = X.shape;
  const [D = 0] = oracle.W.shape;
  const na = oracle.R.shape[2] ?? 0;
  const expected = new Map<string, Numbers>();
  for (const part of ["Y", "Y_h", "Y_c"] as const) {
    const name = node.outputs[part];
    if (name === undefined) continue;
    const shape = part === "Y" ? [T, D, m, na] : [D, m, na];
    const value = { shape, data: result[part] };
    expected.set(name, wise ? turned(value, part === "Y" ? [2, 0, 1, 3] : [1, 0, 2]) : value);
  }
  return expected;
}
