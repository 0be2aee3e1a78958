import type { HostTensor, TagResult } from "../../serving/backend.js";
import type { TokenSequence } from "../../serving/batcher.js";
import type { ModelVersion } from "../../serving/version.js";
import type { Adapter } from "./adapter.js";
import { resultsOf } from "./language.js";
import type { InferRequest } from "./request.js";
import type { OutputTensor } from "./response.js";
import { only, rowSequences, tokenSequences } from "./sequences.js";

/** The width of the rows that a tagger takes; undefined for one of tokens. */
function widthOf({ backend }: ModelVersion): number | undefined {
  const input = backend.info.inputs.find(({ name }) => name === "input");
  return input?.shape.at(-1);
}

function sequencesOf(version: ModelVersion, request: InferRequest): (TokenSequence | HostTensor)[] {
  const nx = widthOf(version);
  if (nx === undefined) return tokenSequences(request, ["text", "tokens"]);
  return rowSequences(request, nx).map(({ T, data }) => ({ shape: [T, nx], data }));
}

/** The rows of all sequences one after the other, and how many are whose. */
function outputsOf(results: readonly TagResult[]): OutputTensor[] {
  const rows = results.map(({ values }) => values.shape[0] ?? 0);
  const total = rows.reduce((sum, each) => sum + each, 0);
  const ny = results[0]?.values.shape[1] ?? 0;
  const labels = results.flatMap((result) => result.labels ?? []);
  return [
    {
      name: "values",
      datatype: "FP64",
      shape: [total, ny],
      data: results.flatMap(({ values }) => Array.from(values.data)),
    },
    {
      name: "classes",
      datatype: "INT64",
      shape: [total],
      data: results.flatMap(({ classes }) => Array.from(classes)),
    },
    { name: "row_counts", datatype: "INT64", shape: [rows.length], data: rows },
    ...(results.some((result) => result.labels !== undefined)
      ? [{ name: "labels", datatype: "BYTES", shape: [total], data: labels } as const]
      : []),
  ];
}

/** Texts, ids or rows in, values, classes and labels out. */
export const TAGGER: Adapter = {
  usual: ({ backend }) =>
    backend.info.outputs.map(({ name }) => name).filter((name) => name !== "row_counts"),
  infer: async (version, request, signal) =>
    outputsOf(resultsOf(await version.tag(sequencesOf(version, request), { signal }))),
  steps: (version, request) => {
    const sequence = only(sequencesOf(version, request));
    if (typeof sequence === "string") return version.backend.readSteps({ text: sequence });
    if (!("shape" in sequence)) return version.backend.readSteps({ tokens: sequence });
    const { shape, data } = sequence as { shape: readonly number[]; data: Float64Array };
    const [T = 0, nx = 0] = shape;
    return Array.from({ length: T }, (_, t) => data.subarray(t * nx, (t + 1) * nx));
  },
  outputsOf: ({ backend }, { results }) => {
    const rows = results as readonly Float64Array[];
    const ny = rows[0]?.length ?? 0;
    const data = Float64Array.from(rows.flatMap((row) => Array.from(row)));
    const classes = rows.map((row) =>
      row.reduce((best, value, i) => (value > (row[best] ?? 0) ? i : best), 0),
    );
    const { labels } = backend.info;
    const named = labels && classes.map((each) => labels[each] as string);
    return outputsOf([{ values: { shape: [rows.length, ny], data }, classes, labels: named }]);
  },
};
