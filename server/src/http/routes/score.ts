import { Readable } from "node:stream";
import Type from "typebox";
import type { App, Context } from "../context.js";
import { versionOf } from "../model_choice.js";
import { MODEL, problems, SEQUENCE } from "../schemas.js";
import { signalOf } from "../scope.js";
import { scoreLines } from "../score_lines.js";
import { scoreText } from "../score_text.js";

const BODY = Type.Object(
  {
    model: Type.Optional(MODEL),
    sequences: Type.Array(SEQUENCE, { description: "texts, or lists of ids" }),
    tokenLogProbs: Type.Optional(
      Type.Boolean({ description: "whether the log-probability of each token is wanted" }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ sequences: ["The ship came home."] }],
  },
);

const ANSWER = Type.Object({
  model: Type.String(),
  version: Type.String(),
  results: Type.Array(Type.Union([Type.Ref("Score"), Type.Ref("SequenceError")])),
});

const QUERY = Type.Object(
  {
    model: Type.Optional(MODEL),
    tokenLogProbs: Type.Optional(
      Type.Unsafe<"true" | "false">({ type: "string", enum: ["true", "false"] }),
    ),
  },
  {
    additionalProperties: false,
    description: "for lines of NDJSON, which have no other place for it",
  },
);

/** `POST /v1/score`. */
export function addScore(app: App, context: Context): void {
  const { timeout } = context.settings;
  app.post(
    "/v1/score",
    {
      schema: {
        operationId: "score",
        summary: "Score texts or lists of ids",
        description:
          "JSON, or lines of NDJSON, each a text, a list of ids, or `{ sequence, id }`. Lines are answered by lines, in order, while more are sent.",
        tags: ["native"],
        querystring: QUERY,
        body: {
          content: {
            "application/json": { schema: BODY },
            "application/x-ndjson": { schema: Type.Unsafe({}) },
          },
        } as unknown as typeof BODY,
        response: { 200: ANSWER, ...problems },
      },
    },
    async (request, reply) => {
      if (request.body instanceof Readable) {
        const { model, tokenLogProbs } = request.query;
        const version = versionOf(context, model);
        const signal = signalOf(request, reply, undefined);
        const lines = scoreLines(request.body, {
          version,
          settings: context.settings,
          isLong: tokenLogProbs === "true",
          signal,
        });
        reply.type("application/x-ndjson");
        return Readable.from(lines) as never;
      }
      const { model, sequences, tokenLogProbs = false } = request.body;
      const signal = signalOf(request, reply, timeout);
      return versionOf(context, model).use(async ({ name, number, batcher }) => {
        const results = await batcher.score(sequences, signal);
        const texts = results.map((result) => scoreText(result, tokenLogProbs));
        reply.type("application/json; charset=utf-8");
        return `{"model":${JSON.stringify(name)},"version":"${number}","results":[${texts.join(",")}]}` as never;
      });
    },
  );
}
