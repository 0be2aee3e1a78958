import Type from "typebox";
import { Problem } from "../../problem.js";
import { type Datatype, writeNumbers, writeTexts } from "./datatypes.js";
import type { InferRequest } from "./request.js";

/** An output of a model. */
export interface OutputTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Numbers, or the texts of BYTES. */
  readonly data: ArrayLike<number | bigint> | readonly string[];
}

export const INFER_RESPONSE = Type.Object(
  {
    model_name: Type.String(),
    model_version: Type.String(),
    id: Type.Optional(Type.String()),
    parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    outputs: Type.Array(
      Type.Object({
        name: Type.String(),
        shape: Type.Array(Type.Integer()),
        datatype: Type.String(),
        parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        data: Type.Optional(Type.Array(Type.Unknown())),
      }),
    ),
  },
  { $id: "InferResponse", title: "InferResponse" },
);

/** What a response says of the model. */
export interface Answering {
  readonly name: string;
  readonly version: string;
}

/**
 * The response to a request: JSON, or JSON and bytes.
 *
 * @param all the outputs that were made, by name
 * @param usual those that are given if the request names none
 */
export function writeResponse(
  { name, version }: Answering,
  request: InferRequest,
  all: readonly OutputTensor[],
  usual: readonly string[],
): { readonly json: string; readonly bytes: Buffer | undefined } {
  const wishes =
    request.outputs ?? usual.map((each) => ({ name: each, isBinary: request.isBinary }));
  const parts: Buffer[] = [];
  const outputs = wishes.map(({ name: wanted, isBinary }) => {
    const found = all.find((each) => each.name === wanted);
    if (found === undefined)
      throw new Problem(
        "invalid-request",
        `outputs: ${JSON.stringify(wanted.slice(0, 100))}: the model has no such output`,
      );
    const { datatype, shape, data } = found;
    const head = { name: wanted, shape, datatype };
    if (!isBinary) return { ...head, data: Array.from(data as ArrayLike<unknown>, plain) };
    const bytes =
      datatype === "BYTES"
        ? writeTexts(data as readonly string[])
        : writeNumbers(datatype, data as ArrayLike<number>);
    parts.push(bytes);
    return { ...head, parameters: { binary_data_size: bytes.byteLength } };
  });
  const id = request.id === undefined ? {} : { id: request.id };
  const json = JSON.stringify({ model_name: name, model_version: version, ...id, outputs });
  return { json, bytes: parts.length === 0 ? undefined : Buffer.concat(parts) };
}

/** int64 as a number, bool as it is. */
const plain = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : value);
