import Type, { type Static } from "typebox";
import { Compile } from "typebox/compile";
import { Problem } from "../../problem.js";
import { textOf } from "../bodies.js";
import {
  checkElement,
  DATATYPES,
  type Datatype,
  type Numbers,
  readNumbers,
  readTexts,
} from "./datatypes.js";

const PARAMETERS = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
);
const DATATYPE = Type.Union(
  (Object.keys(DATATYPES) as Datatype[]).map((name) => Type.Literal(name)) as [
    ReturnType<typeof Type.Literal<Datatype>>,
  ],
);

/** The JSON of a request of inference. */
export const INFER_REQUEST = Type.Object(
  {
    id: Type.Optional(Type.String({ maxLength: 256 })),
    parameters: Type.Optional(PARAMETERS),
    inputs: Type.Array(
      Type.Object({
        name: Type.String(),
        shape: Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), { maxItems: 16 }),
        datatype: DATATYPE,
        parameters: Type.Optional(PARAMETERS),
        data: Type.Optional(
          Type.Array(Type.Unknown(), {
            description: "elements in C order, nested by the shape or flat",
          }),
        ),
      }),
      { minItems: 1, maxItems: 64 },
    ),
    outputs: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), parameters: Type.Optional(PARAMETERS) }), {
        maxItems: 64,
      }),
    ),
  },
  {
    $id: "InferRequest",
    title: "InferRequest",
    examples: [
      { inputs: [{ name: "text", datatype: "BYTES", shape: [1], data: ["The ship came home."] }] },
    ],
  },
);
type Head = Static<typeof INFER_REQUEST>;

/** A tensor of a request: numbers, or the texts of BYTES. */
export interface InputTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly numbers: Numbers;
  readonly texts: readonly string[];
}

/** An output that is asked for. */
export interface OutputWish {
  readonly name: string;
  /** Whether it is to be bytes after the JSON. */
  readonly isBinary: boolean;
}

/** A request of inference, read and checked as far as the protocol goes. */
export interface InferRequest {
  readonly id: string | undefined;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly inputs: ReadonlyMap<string, InputTensor>;
  /** Undefined: those that the model gives unless asked. */
  readonly outputs: readonly OutputWish[] | undefined;
  /** Whether outputs that say nothing of it are bytes. */
  readonly isBinary: boolean;
}

const checker = Compile(INFER_REQUEST);

/** The JSON before the bytes of a binary request. @param parse JSON with bounded depth */
export function readHead(
  body: Buffer,
  length: string | string[] | undefined,
  parse: (text: string) => unknown,
): [Head, Buffer] {
  if (
    typeof length !== "string" ||
    !/^\d{1,10}$/.test(length) ||
    Number(length) > body.byteLength
  ) {
    const expected = `expected the bytes of the JSON, at most ${body.byteLength}`;
    throw new Problem(
      "invalid-request",
      `Inference-Header-Content-Length: ${expected}, got ${String(length).slice(0, 40)}`,
    );
  }
  const end = Number(length);
  const head = parse(textOf(body.subarray(0, end), "the JSON of the body"));
  if (checker.Check(head)) return [head as Head, body.subarray(end)];
  const [fault] = checker.Errors(head);
  throw new Problem(
    "invalid-request",
    `body${fault?.instancePath ?? ""} ${fault?.message ?? "is not valid"}`,
  );
}

/** @param bytes what follows the JSON of a binary request */
export function readRequest(
  { id, parameters = {}, inputs, outputs }: Head,
  bytes: Buffer | undefined,
): InferRequest {
  let at = 0;
  const tensors = new Map<string, InputTensor>();
  for (const input of inputs) {
    const { name, parameters: of = {} } = input;
    if (tensors.has(name)) throw new Problem("invalid-tensor", `${name}: it is there twice`);
    const { binary_data_size: size } = of;
    if (size === undefined) {
      tensors.set(name, fromJson(input));
      continue;
    }
    if (
      bytes === undefined ||
      typeof size !== "number" ||
      !Number.isSafeInteger(size) ||
      size < 0 ||
      at + size > bytes.byteLength
    ) {
      throw new Problem(
        "invalid-tensor",
        `${name}: binary_data_size: expected a part of the bytes after the JSON, got ${size}`,
      );
    }
    tensors.set(name, fromBytes(input, bytes.subarray(at, at + size)));
    at += size;
  }
  if (bytes !== undefined && at < bytes.byteLength) {
    throw new Problem("invalid-tensor", `${bytes.byteLength - at} bytes belong to no input`);
  }
  const isBinary = parameters.binary_data_output === true;
  const wishes = outputs?.map((output) => {
    const { binary_data: own } = output.parameters ?? {};
    return { name: output.name, isBinary: own === undefined ? isBinary : own === true };
  });
  return { id, parameters, inputs: tensors, outputs: wishes, isBinary };
}

const NO_NUMBERS = new Float64Array(0);
type HeadInput = Head["inputs"][number];

const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

function fromJson({ name, datatype: given, shape, data }: HeadInput): InputTensor {
  const datatype = given as Datatype;
  if (data === undefined) throw new Problem("invalid-tensor", `${name}: data: it is missing`);
  const elements =
    data.length === 0 || !Array.isArray(data[0])
      ? data
      : (data.flat(Number.POSITIVE_INFINITY) as unknown[]);
  const wanted = elementsOf(shape);
  if (elements.length !== wanted) {
    throw new Problem(
      "invalid-tensor",
      `${name}: shape (${shape.join(", ")}) has ${wanted} elements, data has ${elements.length}`,
    );
  }
  for (const element of elements) checkElement(name, datatype, element);
  if (datatype === "BYTES")
    return { name, datatype, shape, numbers: NO_NUMBERS, texts: elements as string[] };
  const numbers =
    datatype === "FP32"
      ? Float32Array.from(elements as number[])
      : Float64Array.from(elements as number[]);
  return { name, datatype, shape, numbers, texts: [] };
}

function fromBytes({ name, datatype: given, shape }: HeadInput, bytes: Buffer): InputTensor {
  const datatype = given as Datatype;
  const wanted = elementsOf(shape);
  if (datatype === "BYTES") {
    const texts = readTexts(name, bytes);
    if (texts.length === wanted) return { name, datatype, shape, numbers: NO_NUMBERS, texts };
    throw new Problem(
      "invalid-tensor",
      `${name}: shape (${shape.join(", ")}) has ${wanted} elements, the data has ${texts.length}`,
    );
  }
  const size = wanted * DATATYPES[datatype];
  if (size !== bytes.byteLength) {
    throw new Problem(
      "invalid-tensor",
      `${name}: shape (${shape.join(", ")}) of ${datatype} takes ${size} bytes, the data has ${bytes.byteLength}`,
    );
  }
  const numbers = readNumbers(datatype, bytes);
  for (const number of numbers) checkElement(name, datatype, number);
  return { name, datatype, shape, numbers, texts: [] };
}
