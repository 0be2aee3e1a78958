import Type from "typebox";
import type { ModelVersion } from "../../serving/version.js";
import type { App, Context } from "../context.js";
import { MODEL, problems, SEQUENCE } from "../schemas.js";
import { signalOf } from "../scope.js";
import { scoreText } from "../score_text.js";

const BODY = Type.Object(
  {
    model: Type.Optional(MODEL),
    sequences: Type.Array(SEQUENCE, { description: "texts, or lists of ids" }),
    tokenLogProbs: Type.Optional(
      Type.Boolean({ description: "whether the log-probability of each token is wanted" }),
    ),
  },
  { additionalProperties: false },
);

const ANSWER = Type.Object({
  model: Type.String(),
  version: Type.String(),
  results: Type.Array(Type.Union([Type.Ref("Score"), Type.Ref("SequenceError")])),
});

/** The version of a model that a request names. */
export const versionOf = ({ registry }: Context, model: string | undefined): ModelVersion =>
  model === undefined ? registry.only() : registry.get(model);

/** `POST /v1/score`. */
export function addScore(app: App, context: Context): void {
  app.post(
    "/v1/score",
    {
      schema: {
        summary: "Score texts or lists of ids",
        tags: ["native"],
        body: { content: { "application/json": { schema: BODY } } } as unknown as typeof BODY,
        response: { 200: ANSWER, ...problems },
      },
    },
    async (request, reply) => {
      const { model, sequences, tokenLogProbs = false } = request.body;
      const signal = signalOf(request, reply, context.settings.timeout);
      return versionOf(context, model).use(async ({ name, number, batcher }) => {
        const results = await batcher.score(sequences, signal);
        const texts = results.map((result) => scoreText(result, tokenLogProbs));
        reply.type("application/json; charset=utf-8");
        return `{"model":${JSON.stringify(name)},"version":"${number}","results":[${texts.join(",")}]}`;
      });
    },
  );
}
