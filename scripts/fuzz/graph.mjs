import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { EngineMemoryError, ModelFormatError } from "recurra";
import { openGraph } from "recurra/onnx";
import { corpus as chains } from "./onnx.mjs";

export { mutate, pack, read } from "./onnx.mjs";

export const name = "graph";

/** Numbers that one input of a drawn file may have. */
const MOST = 100_000;

/** A model that `read` describes, then graphs of every operator. */
export const corpus = (fixtures) => [
  chains(fixtures)[0],
  ...["graph_cases", "torch_graphs"].flatMap((file) => {
    const text = gunzipSync(readFileSync(`${fixtures}/onnx/${file}.json.gz`)).toString();
    return JSON.parse(text).cases.map(({ model }) => Uint8Array.from(Buffer.from(model, "base64")));
  }),
];

/** Errors that are right for a file of any content: of the file, of memory, and of the numbers that it is given. */
const isRight = (error) =>
  error instanceof ModelFormatError ||
  error instanceof EngineMemoryError ||
  /indices: expected integers|expected numbers, on which sizes/.test(error.message);

/** Opens the file and runs it on small numbers. */
export function openAndRun(engine, file, options) {
  let graph;
  try {
    graph = openGraph(engine, file, options);
    const inputs = {};
    for (const [name, { type, shape = [2] }] of Object.entries(graph.inputs)) {
      const extents = shape.map((extent) => (typeof extent === "number" ? extent : 2));
      const size = extents.reduce((product, extent) => product * extent, 1);
      if (!(size >= 0 && size <= MOST)) return "refused";
      const numbers = Array.from({ length: size }, (_, i) => i % 3);
      const data = type === "float" ? Float32Array.from(numbers) : numbers;
      inputs[name] = { shape: extents, data };
    }
    graph.run(inputs);
    graph.run(inputs);
    return "run";
  } catch (error) {
    if (isRight(error)) return "refused";
    throw error;
  } finally {
    graph?.dispose();
  }
}
