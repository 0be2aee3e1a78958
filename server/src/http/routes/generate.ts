import { Readable } from "node:stream";
import Type from "typebox";
import { Problem } from "../../problem.js";
import type { GenerationOptions } from "../../serving/generation_protocol.js";
import type { App, Context } from "../context.js";
import { versionOf } from "../model_choice.js";
import { MODEL, problems, SEQUENCE } from "../schemas.js";
import { signalOf } from "../scope.js";
import { sequenceError } from "../score_text.js";

const GENERATED = Type.Object(
  {
    text: Type.Optional(Type.String()),
    tokens: Type.Array(Type.Integer()),
    tokenLogProbs: Type.Array(Type.Number()),
    logProb: Type.Number(),
    reason: Type.String({ description: "why it ended" }),
  },
  { $id: "Generated", title: "Generated", additionalProperties: true },
);
export const GENERATE_SCHEMAS = [GENERATED];

/** `POST /v1/generate`. */
export function addGenerate(app: App, context: Context): void {
  const { timeout, maxTokens } = context.settings;
  const body = Type.Object(
    {
      model: Type.Optional(MODEL),
      prompt: Type.Optional(SEQUENCE),
      maxTokens: Type.Optional(
        Type.Integer({ minimum: 1, maximum: maxTokens, description: "default 256" }),
      ),
      temperature: Type.Optional(Type.Number({ minimum: 0 })),
      topK: Type.Optional(Type.Integer({ minimum: 1 })),
      topP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      minP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      repetitionPenalty: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
      stop: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64 })),
      seed: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: "the same seed gives the same tokens on every host",
        }),
      ),
      stream: Type.Optional(
        Type.Boolean({
          description: "whether tokens are sent as they come, as server-sent events",
        }),
      ),
    },
    {
      additionalProperties: false,
      examples: [{ prompt: "The ship ", maxTokens: 60, temperature: 0.8, seed: 1 }],
    },
  );
  app.post(
    "/v1/generate",
    {
      schema: {
        operationId: "generate",
        summary: "Continue a text",
        tags: ["native"],
        body,
        response: { 200: Type.Ref("Generated"), ...problems },
      },
    },
    async (request, reply) => {
      const { model, stream = false, ...options } = request.body;
      const version = versionOf(context, model).retain();
      const { generate } = version.backend;
      const signal = signalOf(request, reply, stream ? undefined : timeout);
      try {
        if (generate === undefined)
          throw new Problem("not-supported", `${version.name}: the model does not generate`);
        const tokens = generate(options as GenerationOptions, signal);
        // The first token decides of the status: what is wrong with the request is known then.
        const first = await tokens.next();
        if (!stream) {
          let next = first;
          while (next.done !== true) next = await tokens.next();
          version.release();
          return plain(next.value) as never;
        }
        reply.type("text/event-stream").header("Cache-Control", "no-store");
        const events = async function* (): AsyncGenerator<string> {
          try {
            let next = first;
            for (; next.done !== true; next = await tokens.next())
              yield `data: ${JSON.stringify(next.value)}\n\n`;
            yield `event: end\ndata: ${JSON.stringify(plain(next.value))}\n\n`;
          } catch (error) {
            yield `event: error\ndata: ${JSON.stringify(sequenceError(error as Error))}\n\n`;
          } finally {
            await tokens.return(undefined as never);
            version.release();
          }
        };
        return Readable.from(events()) as never;
      } catch (error) {
        version.release();
        throw error;
      }
    },
  );
}

/** Typed arrays as lists. */
const plain = (generated: object): object =>
  Object.fromEntries(
    Object.entries(generated).map(([name, value]) => [
      name,
      ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value,
    ]),
  );
