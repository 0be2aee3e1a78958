import Type, { type Static } from "typebox";
import { Problem } from "../../problem.js";
import { Uploads } from "../../serving/uploads.js";
import type { ModelVersion } from "../../serving/version.js";
import type { App, Context } from "../context.js";
import { problems } from "../schemas.js";

const NAME = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128, examples: ["english"] }),
});

const MODEL_INFO = Type.Object(
  {
    name: Type.String(),
    version: Type.String(),
    kind: Type.Union([Type.Literal("language"), Type.Literal("tagger"), Type.Literal("graph")]),
    sha256: Type.String(),
    loadedAt: Type.String(),
    precision: Type.String(),
    tokens: Type.Optional(
      Type.Integer({ description: "the number of tokens of a language model" }),
    ),
    assumptions: Type.Array(Type.String(), {
      description: "what the file does not say and was assumed",
    }),
    streams: Type.Integer(),
  },
  { $id: "Model", title: "Model" },
);
export const MODEL_SCHEMAS = [MODEL_INFO];

function infoOf({
  name,
  number,
  hash,
  loadedAt,
  backend,
}: ModelVersion): Static<typeof MODEL_INFO> {
  const { kind, precision, tokens, assumptions } = backend.info;
  const { streams } = backend.stats();
  return {
    name,
    version: String(number),
    kind,
    sha256: hash,
    loadedAt: loadedAt.toISOString(),
    precision,
    ...(tokens === undefined ? {} : { tokens }),
    assumptions: [...assumptions],
    streams,
  };
}

/** `/v1/models`. */
export function addModels(app: App, { registry, settings }: Context): void {
  const tags = ["models"];
  app.get(
    "/v1/models",
    {
      schema: {
        operationId: "listModels",
        summary: "The models that are served",
        tags,
        response: { 200: Type.Object({ models: Type.Array(Type.Ref("Model")) }), ...problems },
      },
    },
    async () => ({ models: registry.names.map((name) => infoOf(registry.get(name))) }) as never,
  );
  app.get(
    "/v1/models/:name",
    {
      schema: {
        operationId: "getModel",
        summary: "A model",
        tags,
        params: NAME,
        response: { 200: Type.Ref("Model"), ...problems },
      },
    },
    async ({ params: { name } }) => infoOf(registry.get(name)) as never,
  );
  if (!settings.allowUpload) return;
  const uploads = new Uploads(registry, settings.folder);
  app.addHook("onClose", () => uploads.close());
  app.put(
    "/v1/models/:name",
    {
      bodyLimit: settings.maxModel,
      config: { isAdmin: true },
      schema: {
        operationId: "loadModel",
        summary: "Load a version of a model",
        description:
          "A file of safetensors or ONNX. The header `Content-Digest: sha-256=:…:` (RFC 9530) is checked. The version takes new requests when it has passed its self-test; requests and streams that run end on the one before.",
        tags,
        params: NAME,
        response: { 200: Type.Ref("Model"), ...problems },
      },
    },
    async ({ params: { name }, body, headers }) => {
      if (!Buffer.isBuffer(body))
        throw new Problem("unsupported-media-type", "expected application/octet-stream");
      const version = await uploads.load(name, body, digestOf(headers["content-digest"]));
      return infoOf(version) as never;
    },
  );
  app.delete(
    "/v1/models/:name",
    {
      config: { isAdmin: true },
      schema: {
        operationId: "removeModel",
        summary: "Take a model out of service",
        tags,
        params: NAME,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async ({ params: { name } }, reply) => {
      await uploads.remove(name);
      reply.status(204);
      return null;
    },
  );
}

/** The SHA-256 in hex that a `Content-Digest` gives. */
function digestOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, digest] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(String(header)) ?? [];
  if (digest === undefined)
    throw new Problem("invalid-request", "Content-Digest: expected sha-256=:BASE64:");
  return Buffer.from(digest, "base64").toString("hex");
}
