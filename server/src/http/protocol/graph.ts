import { Problem } from "../../problem.js";
import type { HostTensor } from "../../serving/backend.js";
import type { Adapter } from "./adapter.js";
import type { Datatype } from "./datatypes.js";
import type { InferRequest } from "./request.js";
import type { OutputTensor } from "./response.js";

/** The inputs as the graph takes them; it checks their names and shapes. */
function inputsOf({ inputs }: InferRequest): Record<string, HostTensor> {
  const entries = [...inputs.values()].map(({ name, datatype, shape, numbers }) => {
    if (datatype === "BYTES")
      throw new Problem("invalid-tensor", `${name}: a graph takes no texts`);
    return [name, { shape, data: numbers }] as const;
  });
  return Object.fromEntries(entries);
}

function datatypeOf(data: HostTensor["data"]): Datatype {
  if (data instanceof Float64Array) return "FP64";
  if (data instanceof Float32Array) return "FP32";
  if (data instanceof BigInt64Array) return "INT64";
  return data instanceof Int32Array ? "INT32" : "BOOL";
}

const outputsOf = (outputs: Readonly<Record<string, HostTensor>>): OutputTensor[] =>
  Object.entries(outputs).map(([name, { shape, data }]) => ({
    name,
    datatype: datatypeOf(data),
    shape,
    data,
  }));

/** The tensors of an ONNX graph, by its own names. A request of a sequence is one step; the server keeps the states. */
export const GRAPH: Adapter = {
  usual: ({ backend }) => backend.info.outputs.map(({ name }) => name),
  infer: async (version, request, signal) =>
    outputsOf(await version.run(inputsOf(request), { signal })),
  steps: ({ backend }, request) => {
    const inputs = inputsOf(request);
    backend.checkInputs?.(inputs);
    return [inputs];
  },
  outputsOf: (_, { results }) => outputsOf(results[0] as Readonly<Record<string, HostTensor>>),
};
