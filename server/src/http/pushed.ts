import Type, { type Static } from "typebox";
import type { Pushed } from "../live/live_stream.js";
import type { StepResult } from "../serving/backend.js";

/** The answer to steps of a stream. */
export const PUSHED = Type.Object(
  {
    position: Type.Integer(),
    logProbs: Type.Optional(
      Type.Array(Type.Number(), {
        description: "of each token its log-probability, given those before it",
      }),
    ),
    values: Type.Optional(
      Type.Array(Type.Array(Type.Number()), {
        description: "of each step the outputs of a tagger",
      }),
    ),
    outputs: Type.Optional(
      Type.Array(Type.Record(Type.String(), Type.Array(Type.Number())), {
        description: "of each step the outputs of a graph",
      }),
    ),
  },
  { $id: "Pushed", title: "Pushed" },
);
/** Answers to steps as JSON: log-probabilities, rows, or tensors by name. */
export function pushedOf({ results, position }: Pushed): Static<typeof PUSHED> {
  const [first] = results;
  if (first === undefined || typeof first === "number")
    return { position, logProbs: results as number[] };
  if (first instanceof Float64Array)
    return { position, values: results.map((row) => Array.from(row as Float64Array)) };
  const outputs = results.map((result) =>
    Object.fromEntries(
      Object.entries(result as Exclude<StepResult, number | Float64Array>).map(
        ([name, { data }]) => [name, Array.from(data as ArrayLike<number | bigint>, Number)],
      ),
    ),
  );
  return { position, outputs };
}
