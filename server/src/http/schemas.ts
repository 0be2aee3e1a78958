import Type from "typebox";
import { PROBLEMS, type ProblemCode } from "../problem.js";

/** A problem, as every error is answered. */
export const PROBLEM = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Unsafe<ProblemCode>({
      type: "string",
      enum: Object.keys(PROBLEMS),
      description: "what went wrong, in one word",
    }),
    detail: Type.String(),
    requestId: Type.String(),
  },
  { $id: "Problem", title: "Problem" },
);

/** Answers that every route may give beside its own. */
export const problems = {
  "4XX": problem("The request cannot be answered."),
  405: {
    ...problem("The path has no such method; `method-not-allowed`."),
    headers: { Allow: { type: "string", description: "the methods that the path has" } },
  },
  "5XX": problem("The server cannot answer."),
};

function problem(description: string) {
  return { description, content: { "application/problem+json": { schema: Type.Ref("Problem") } } };
}

export const MODEL = Type.String({
  maxLength: 128,
  description: "name of a model; may be absent if one model is served",
});

/** A text, or the ids of its tokens. */
export const SEQUENCE = Type.Union([
  Type.String({ description: "a text" }),
  Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), { description: "ids of tokens" }),
]);

/** Steps to be read: one field, by the kind of the model. */
export const STEPS = {
  text: Type.Optional(Type.String({ description: "a text, of a model with a vocabulary" })),
  tokens: Type.Optional(
    Type.Array(Type.Union([Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), Type.String()]), {
      description: "ids of tokens, or tokens",
    }),
  ),
  rows: Type.Optional(Type.Array(Type.Array(Type.Number()), { description: "rows of numbers" })),
  inputs: Type.Optional(
    Type.Array(Type.Record(Type.String(), Type.Array(Type.Number())), {
      description: "for each step the inputs of a graph, each a list of numbers",
    }),
  ),
};

export const SCORE = Type.Object(
  {
    logProb: Type.Number({ description: "natural logarithm of the probability, in nats" }),
    tokens: Type.Integer({ description: "tokens that were scored" }),
    perplexity: Type.Union([Type.Number(), Type.Null()], {
      description: "null if no token was scored",
    }),
    bitsPerToken: Type.Union([Type.Number(), Type.Null()], {
      description: "null if no token was scored",
    }),
    tokenLogProbs: Type.Optional(Type.Array(Type.Number())),
  },
  { $id: "Score", title: "Score" },
);

export const SEQUENCE_ERROR = Type.Object(
  {
    error: Type.Object(
      { code: Type.String(), message: Type.String() },
      { additionalProperties: true },
    ),
  },
  { $id: "SequenceError", title: "SequenceError" },
);

export const SHARED = [PROBLEM, SCORE, SEQUENCE_ERROR];
