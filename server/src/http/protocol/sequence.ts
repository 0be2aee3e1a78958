import { Problem } from "../../problem.js";
import type { InferRequest } from "./request.js";

/** A stateful call: which sequence, and whether it begins or ends with this request. */
export interface SequenceCall {
  readonly id: string;
  readonly isStart: boolean;
  readonly isEnd: boolean;
}

/**
 * The sequence of a request, as Triton's sequence extension defines it: `sequence_id` is an integer or a text, 0 and "" stand
 * for none; `sequence_start` and `sequence_end` mark its first and last request.
 */
export function sequenceOf({ parameters }: InferRequest): SequenceCall | undefined {
  const { sequence_id: id, sequence_start: start = false, sequence_end: end = false } = parameters;
  for (const [name, value] of Object.entries({ sequence_start: start, sequence_end: end })) {
    if (typeof value !== "boolean")
      throw new Problem("invalid-request", `parameters: ${name}: expected true or false`);
  }
  if (id === undefined || id === 0 || id === "") {
    if (start !== true && end !== true) return undefined;
    throw new Problem(
      "invalid-request",
      "parameters: sequence_start and sequence_end need a sequence_id that is not 0",
    );
  }
  const isText = typeof id === "string" && id.length <= 128;
  if (!isText && !(Number.isSafeInteger(id) && (id as number) > 0)) {
    throw new Problem(
      "invalid-request",
      "parameters: sequence_id: expected an integer ≥ 0, or a text of 128 characters at most",
    );
  }
  // The number 1 and the text "1" are different sequences.
  return {
    id: `${typeof id === "string" ? "s" : "n"}:${id}`,
    isStart: start === true,
    isEnd: end === true,
  };
}
