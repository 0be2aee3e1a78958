import type { Score } from "recurra";
import type { Pushed } from "../../live/live_stream.js";
import { Problem } from "../../problem.js";
import type { StepsGiven } from "../../serving/backend.js";
import type { TokenSequence } from "../../serving/batcher.js";
import { sequenceProblem } from "../errors.js";
import type { InferRequest, InputTensor } from "./request.js";
import type { OutputTensor } from "./response.js";

/** What a language model gives unless the request names outputs. */
export const USUAL = ["log_prob"];

function inputOf({ inputs }: InferRequest): InputTensor {
  const [first, ...others] = [...inputs.values()].filter(({ name }) => name !== "lengths");
  const isKnown = first !== undefined && (first.name === "text" || first.name === "tokens");
  if (isKnown && others.length === 0) return first;
  const names = [...inputs.keys()].join(", ").slice(0, 200);
  throw new Problem("invalid-tensor", `inputs: expected text, or tokens and lengths, got ${names}`);
}

/** Throws unless a tensor has one of the datatypes. */
function checkDatatype({ name, datatype }: InputTensor, ...allowed: readonly string[]): void {
  if (allowed.includes(datatype)) return;
  throw new Problem(
    "invalid-tensor",
    `${name}: datatype: expected ${allowed.join(" or ")}, got ${datatype}`,
  );
}

/** The sequences of a request: texts (n), or ids (T) or (n, T) with the length of each in `lengths` (n). */
export function sequencesOf(request: InferRequest): TokenSequence[] {
  const input = inputOf(request);
  if (input.name === "text") {
    checkDatatype(input, "BYTES");
    return [...input.texts];
  }
  checkDatatype(input, "INT64", "INT32", "UINT32", "UINT16", "UINT8");
  const { shape, numbers } = input;
  if (shape.length === 1) return [Array.from(numbers)];
  if (shape.length !== 2)
    throw new Problem(
      "invalid-tensor",
      `tokens: expected shape (T) or (n, T), got (${shape.join(", ")})`,
    );
  const [n = 0, T = 0] = shape;
  const lengths = lengthsOf(request, n, T);
  return Array.from({ length: n }, (_, i) =>
    Array.from(numbers.subarray(i * T, i * T + (lengths?.[i] ?? T))),
  );
}

function lengthsOf({ inputs }: InferRequest, n: number, T: number): ArrayLike<number> | undefined {
  const lengths = inputs.get("lengths");
  if (lengths === undefined) return undefined;
  checkDatatype(lengths, "INT64", "INT32");
  const { shape, numbers } = lengths;
  if (shape.length === 1 && shape[0] === n && numbers.every((length) => length >= 0 && length <= T))
    return numbers;
  throw new Problem("invalid-tensor", `lengths: expected shape (${n}) and values in 0 … ${T}`);
}

/** What a stream is to read: one text, or the ids of one sequence. */
export function stepsOf(request: InferRequest): StepsGiven {
  const sequences = sequencesOf(request);
  const [only] = sequences;
  if (only === undefined || sequences.length > 1) {
    throw new Problem(
      "invalid-tensor",
      `a sequence reads one text or list of ids at a time, got ${sequences.length}`,
    );
  }
  return typeof only === "string" ? { text: only } : { tokens: only };
}

/** The outputs of scores. @throws the problem of the first sequence that cannot be scored: a tensor has no place for an error */
export function outputsOfScores(results: readonly (Score | Error)[]): OutputTensor[] {
  const scores = results.map((result, i) => {
    if (!(result instanceof Error)) return result;
    const { code, message, extras } = sequenceProblem(result);
    throw new Problem(code, message, { extras: { ...extras, index: i } });
  });
  const all = scores.flatMap(({ tokenLogProbs }) => Array.from(tokenLogProbs));
  const n = scores.length;
  return [
    { name: "log_prob", datatype: "FP64", shape: [n], data: scores.map(({ logProb }) => logProb) },
    { name: "token_log_probs", datatype: "FP64", shape: [all.length], data: all },
    {
      name: "token_counts",
      datatype: "INT64",
      shape: [n],
      data: scores.map(({ tokens }) => tokens),
    },
  ];
}

/** The outputs of steps that a sequence has read. */
export function outputsOfPush({ results }: Pushed): OutputTensor[] {
  const logProbs = results as readonly number[];
  const sum = logProbs.reduce((all, each) => all + each, 0);
  return [
    { name: "log_prob", datatype: "FP64", shape: [1], data: [sum] },
    { name: "token_log_probs", datatype: "FP64", shape: [logProbs.length], data: logProbs },
    { name: "token_counts", datatype: "INT64", shape: [1], data: [logProbs.length] },
  ];
}
