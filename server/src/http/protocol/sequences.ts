import { Problem } from "../../problem.js";
import type { TokenSequence } from "../../serving/batcher.js";
import type { InferRequest, InputTensor } from "./request.js";

// Sequences as tensors: texts (n); ids (T) or (n, T); rows (T, nx) or (n, T, nx). `lengths` (n) shortens the last two.

/** Throws unless a tensor has one of the datatypes. */
function checkDatatype({ name, datatype }: InputTensor, ...allowed: readonly string[]): void {
  if (allowed.includes(datatype)) return;
  const expected = allowed.join(" or ");
  throw new Problem("invalid-tensor", `${name}: datatype: expected ${expected}, got ${datatype}`);
}

/** The only input beside `lengths`. */
function inputOf({ inputs }: InferRequest, names: readonly string[]): InputTensor {
  const [first, ...others] = [...inputs.values()].filter(({ name }) => name !== "lengths");
  if (first !== undefined && names.includes(first.name) && others.length === 0) return first;
  const got = [...inputs.keys()].join(", ").slice(0, 200);
  throw new Problem("invalid-tensor", `inputs: expected one of ${names.join(", ")}, got ${got}`);
}

/** Texts or ids. @param names those of `text` and `tokens` that the model takes */
export function tokenSequences(request: InferRequest, names: readonly string[]): TokenSequence[] {
  const input = inputOf(request, names);
  if (input.name === "text") {
    checkDatatype(input, "BYTES");
    return [...input.texts];
  }
  checkDatatype(input, "INT64", "INT32", "UINT32", "UINT16", "UINT8");
  return slices(request, input, 1).map(({ data }) => Array.from(data));
}

/** Rows of numbers: for each sequence its steps, row by row. */
export function rowSequences(
  request: InferRequest,
  nx: number,
): { readonly T: number; readonly data: Float64Array }[] {
  const input = inputOf(request, ["input"]);
  checkDatatype(input, "FP64", "FP32");
  const { shape } = input;
  if (shape.at(-1) !== nx) {
    throw new Problem(
      "invalid-tensor",
      `input: expected shape (T, ${nx}) or (n, T, ${nx}), got (${shape.join(", ")})`,
    );
  }
  return slices(request, { ...input, shape: shape.slice(0, -1) }, nx);
}

/** @param width numbers of a step */
function slices(
  request: InferRequest,
  { name, shape, numbers }: InputTensor,
  width: number,
): { T: number; data: Float64Array }[] {
  if (shape.length !== 1 && shape.length !== 2) {
    throw new Problem(
      "invalid-tensor",
      `${name}: expected one sequence, or n of T steps, got ${shape.length} axes of steps`,
    );
  }
  const [n, T] = shape.length === 1 ? [1, shape[0] ?? 0] : [shape[0] ?? 0, shape[1] ?? 0];
  const lengths = lengthsOf(request, n, T);
  return Array.from({ length: n }, (_, i) => {
    const steps = lengths?.[i] ?? T;
    return {
      T: steps,
      data: Float64Array.from(numbers.subarray(i * T * width, (i * T + steps) * width)),
    };
  });
}

function lengthsOf({ inputs }: InferRequest, n: number, T: number): ArrayLike<number> | undefined {
  const lengths = inputs.get("lengths");
  if (lengths === undefined) return undefined;
  checkDatatype(lengths, "INT64", "INT32");
  const { shape, numbers } = lengths;
  const fits = shape.length === 1 && shape[0] === n;
  if (fits && numbers.every((length) => length >= 0 && length <= T)) return numbers;
  throw new Problem("invalid-tensor", `lengths: expected shape (${n}) and values in 0 … ${T}`);
}

/** The one sequence that a stream reads. */
export function only<S>(sequences: readonly S[]): S {
  const [first] = sequences;
  if (first !== undefined && sequences.length === 1) return first;
  throw new Problem(
    "invalid-tensor",
    `a sequence reads one text, list of ids or list of rows at a time, got ${sequences.length}`,
  );
}
