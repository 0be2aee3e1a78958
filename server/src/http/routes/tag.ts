import Type from "typebox";
import type { HostTensor, TagResult } from "../../serving/backend.js";
import type { App, Context } from "../context.js";
import { versionOf } from "../model_choice.js";
import { MODEL, problems } from "../schemas.js";
import { signalOf } from "../scope.js";
import { sequenceError } from "../score_text.js";

const BODY = Type.Object(
  {
    model: Type.Optional(MODEL),
    sequences: Type.Array(
      Type.Union([
        Type.String({ description: "a text" }),
        Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), {
          description: "ids of tokens",
        }),
        Type.Array(Type.Array(Type.Number()), { description: "rows of numbers, one a step" }),
      ]),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ model: "the name of a tagger", sequences: [[[0.1, 0.2, 0.3]]] }],
  },
);
const TAGGED = Type.Object(
  {
    values: Type.Array(Type.Array(Type.Number()), {
      description: "a row for each step, or one for the sequence",
    }),
    classes: Type.Array(Type.Integer(), {
      description: "the index of the largest value of each row",
    }),
    labels: Type.Optional(Type.Array(Type.String(), { description: "its name" })),
  },
  { $id: "Tagged", title: "Tagged" },
);
export const TAG_SCHEMAS = [TAGGED];

/** Rows as the library takes them. Rows of different widths are an error of the sequence. */
function tensorOf(rows: readonly (readonly number[])[]): HostTensor {
  const nx = rows[0]?.length ?? 0;
  return { shape: [rows.length, nx], data: Float64Array.from(rows.flat()) };
}

function taggedOf(result: TagResult | Error): object {
  if (result instanceof Error) return { error: sequenceError(result) };
  const { values, classes, labels } = result;
  const [T = 0, ny = 0] = values.shape;
  const rows = Array.from({ length: T }, (_, t) =>
    Array.from({ length: ny }, (_, i) => values.data[t * ny + i]),
  );
  return {
    values: rows,
    classes: Array.from(classes),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** `POST /v1/tag`. */
export function addTag(app: App, context: Context): void {
  app.post(
    "/v1/tag",
    {
      schema: {
        operationId: "tag",
        summary: "Tag the steps of sequences, or sequences",
        tags: ["native"],
        body: BODY,
        response: {
          200: Type.Object({
            model: Type.String(),
            version: Type.String(),
            results: Type.Array(Type.Union([Type.Ref("Tagged"), Type.Ref("SequenceError")])),
          }),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { model, sequences } = request.body;
      const signal = signalOf(request, reply, context.settings.timeout);
      const given = sequences.map((sequence) =>
        typeof sequence !== "string" && Array.isArray(sequence[0])
          ? tensorOf(sequence as number[][])
          : (sequence as string | number[]),
      );
      return versionOf(context, model).use(async (version) => {
        const { name, number } = version;
        const results = await version.tag(given, { signal });
        return { model: name, version: String(number), results: results.map(taggedOf) } as never;
      });
    },
  );
}
