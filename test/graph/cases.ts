import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { GraphInput } from "../../src/graph/graph.js";

/** Numbers as scripts/make_onnx_graph_cases.py and scripts/make_torch_graphs.py write them. */
interface Stored {
  readonly type: keyof typeof ARRAYS;
  readonly shape: number[];
  readonly data: string;
}

/** A graph, what goes in and what somebody else says comes out. */
export interface GraphCase {
  readonly name: string;
  readonly model: string;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly outputs: Readonly<Record<string, Stored>>;
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
} as const;

export function loadGraphCases(name: string): GraphCase[] {
  const file = new URL(`../fixtures/onnx/${name}.json.gz`, import.meta.url);
  return JSON.parse(gunzipSync(readFileSync(file)).toString()).cases;
}

export function numbers({ type, shape, data }: Stored) {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  return { shape, data: new ARRAYS[type](bytes.buffer) };
}

export const bytesOf = ({ model }: GraphCase) => Uint8Array.from(Buffer.from(model, "base64"));

export const givenFor = ({ inputs }: GraphCase): Record<string, GraphInput> =>
  Object.fromEntries(Object.entries(inputs).map(([name, stored]) => [name, numbers(stored)]));

/** What differs by more than `bound` of the larger of 1 and the expected number: a sentence, empty where nothing does. */
export function firstFault(
  outputs: Readonly<Record<string, { shape: readonly number[]; data: ArrayLike<number | bigint> }>>,
  expected: GraphCase["outputs"],
  bound: number,
): string {
  for (const [name, stored] of Object.entries(expected)) {
    const { shape, data } = numbers(stored);
    const found = outputs[name];
    if (`${found?.shape}` !== `${shape}`)
      return `${name}: expected (${shape}), got (${found?.shape})`;
    for (let i = 0; i < data.length; i++) {
      const [value, got] = [Number(data[i]), Number(found?.data[i])];
      const near = Math.abs(got - value) <= bound * Math.max(1, Math.abs(value));
      if (!near && !Object.is(got, value) && got !== value) {
        return `${name}: element ${i}: expected ${value}, got ${got}`;
      }
    }
  }
  return "";
}
