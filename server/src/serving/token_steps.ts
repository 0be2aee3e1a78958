import type { Vocabulary } from "recurra";
import { Problem } from "../problem.js";
import type { StepsGiven } from "./backend.js";

/** What is known of a model that reads tokens. */
interface TokenModel {
  readonly vocabulary: Vocabulary | undefined;
  /** The number of different tokens. */
  readonly size: number;
}

/** The ids of what a stream of tokens is to read. @throws a `Problem`, or an `UnknownTokenError` */
export function readTokens(
  { text, tokens }: StepsGiven,
  { vocabulary, size }: TokenModel,
): readonly number[] {
  if (text !== undefined) {
    if (vocabulary !== undefined) return Array.from(vocabulary.encode(text));
    throw new Problem("invalid-sequence", "text: the model has no vocabulary: give tokens");
  }
  if (tokens === undefined) throw new Problem("invalid-request", "expected text or tokens");
  return tokens.map((token, i) => {
    if (typeof token === "number") {
      if (token < size) return token;
      throw new Problem(
        "invalid-sequence",
        `tokens[${i}]: expected an id in 0 … ${size - 1}, got ${token}`,
      );
    }
    const ids = vocabulary?.encode(token) ?? [];
    if (ids.length === 1) return ids[0] as number;
    throw new Problem("invalid-sequence", `tokens[${i}]: expected one token of the vocabulary`);
  });
}

/** The id of step i of a frame. @throws a `Problem` */
export function readId(
  { data }: { data: Int32Array | Float32Array },
  i: number,
  size: number,
): number {
  const id = data[i] as number;
  if (data instanceof Int32Array && id >= 0 && id < size) return id;
  throw new Problem("invalid-sequence", `expected ids in 0 … ${size - 1}, got ${id}`);
}
