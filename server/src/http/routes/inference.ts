import Type from "typebox";
import { Problem } from "../../problem.js";
import type { ModelVersion } from "../../serving/version.js";
import { parseJson } from "../bodies.js";
import type { App, Context } from "../context.js";
import { infer } from "../protocol/infer.js";
import { INFER_REQUEST, readHead, readRequest } from "../protocol/request.js";
import { INFER_RESPONSE, writeResponse } from "../protocol/response.js";
import { problems } from "../schemas.js";
import { signalOf } from "../scope.js";

const HEAD_LENGTH = "inference-header-content-length";
/** What of the protocol's extensions the server has. */
const EXTENSIONS = ["binary_tensor_data", "sequence"];

const TENSORS = Type.Array(
  Type.Object({ name: Type.String(), datatype: Type.String(), shape: Type.Array(Type.Integer()) }),
);
const METADATA = Type.Object(
  {
    name: Type.String(),
    versions: Type.Array(Type.String()),
    platform: Type.String(),
    inputs: TENSORS,
    outputs: TENSORS,
  },
  { $id: "ModelMetadata", title: "ModelMetadata" },
);
export const INFERENCE_SCHEMAS = [INFER_REQUEST, INFER_RESPONSE, METADATA];

const NAME = { name: Type.String({ minLength: 1, maxLength: 128, examples: ["english"] }) };
const VERSION = { version: Type.String({ minLength: 1, maxLength: 32, examples: ["1"] }) };

/** The calls of the Open Inference Protocol, version 2. Health is in `health.ts`. */
export function addInference(app: App, context: Context): void {
  const { registry, version: own } = context;
  const tags = ["inference protocol"];
  app.get(
    "/v2",
    {
      schema: {
        operationId: "getServer",
        summary: "The server",
        tags,
        response: {
          200: Type.Object({
            name: Type.String(),
            version: Type.String(),
            extensions: Type.Array(Type.String()),
          }),
          ...problems,
        },
      },
    },
    async () => ({ name: "recurra-server", version: own, extensions: EXTENSIONS }),
  );
  for (const [path, params] of [
    ["/v2/models/:name", Type.Object(NAME)],
    ["/v2/models/:name/versions/:version", Type.Object({ ...NAME, ...VERSION })],
  ] as const) {
    const found = (given: unknown): ModelVersion => {
      const { name, version } = given as { name: string; version?: string };
      return registry.get(name, version);
    };
    const isVersioned = path.endsWith(":version");
    const suffix = isVersioned ? "ByVersion" : "";
    const which = isVersioned ? "a version of a model" : "a model";
    app.get(
      path,
      {
        schema: {
          operationId: `getMetadata${suffix}`,
          summary: `Inputs and outputs of ${which}`,
          tags,
          params,
          response: { 200: Type.Ref("ModelMetadata"), ...problems },
        },
      },
      async (request) => metadataOf(found(request.params), context),
    );
    app.get(
      `${path}/ready`,
      {
        config: { isOpen: true },
        schema: {
          operationId: `isModelReady${suffix}`,
          summary: `Whether ${which} takes requests`,
          tags,
          params,
          response: {
            200: Type.Object({ name: Type.String(), ready: Type.Boolean() }),
            ...problems,
          },
        },
      },
      async (request) => {
        const { name, backend } = found(request.params);
        if (backend.stats().ready > 0) return { name, ready: true };
        throw new Problem("not-ready", `${name}: no worker is ready`, { retryAfter: 1 });
      },
    );
    app.post(
      `${path}/infer`,
      {
        schema: {
          operationId: `infer${suffix}`,
          summary: `Inference by ${which}`,
          description:
            "JSON, or with the header `Inference-Header-Content-Length` JSON and the bytes of tensors after it. `sequence_id`, `sequence_start` and `sequence_end` in `parameters` make the call one of a sequence, whose state the server keeps.",
          tags,
          params,
          body: {
            content: {
              "application/json": { schema: Type.Ref("InferRequest") },
              "application/octet-stream": { schema: Type.Unsafe<Buffer>({}) },
            },
          } as unknown as typeof INFER_REQUEST,
          response: { 200: Type.Ref("InferResponse"), ...problems },
        },
      },
      async (request, reply) => {
        const version = found(request.params);
        const { maxDepth, timeout } = context.settings;
        const { body } = request;
        const [head, bytes] = Buffer.isBuffer(body)
          ? readHead(body, request.headers[HEAD_LENGTH], (text) => parseJson(text, maxDepth))
          : [body, undefined];
        const read = readRequest(head, bytes);
        const answer = await infer(context, version, read, signalOf(request, reply, timeout));
        const { name, number } = answer.version;
        const { json, bytes: tail } = writeResponse(
          { name, version: String(number) },
          read,
          answer.outputs,
          answer.usual,
        );
        if (tail === undefined) {
          reply.type("application/json; charset=utf-8").serializer(asIs);
          return json as never;
        }
        const front = Buffer.from(json);
        reply
          .type("application/octet-stream")
          .header("Inference-Header-Content-Length", front.byteLength);
        return Buffer.concat([front, tail]) as never;
      },
    );
  }
}

const asIs = (payload: unknown): string => payload as string;

/** Every version that is loaded: the newest takes requests, the others are ending. */
function metadataOf({ name, backend }: ModelVersion, { registry }: Context) {
  const versions = registry.versions
    .filter((each) => each.name === name)
    .map(({ number }) => String(number));
  const { inputs, outputs, kind } = backend.info;
  const plain = (tensors: typeof inputs) =>
    tensors.map((each) => ({ ...each, shape: [...each.shape] }));
  return {
    name,
    versions,
    platform: `recurra_${kind}`,
    inputs: plain(inputs),
    outputs: plain(outputs),
  };
}
