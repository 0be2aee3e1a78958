import Type, { type Static } from "typebox";
import { MODEL, STEPS } from "./schemas.js";

/** The number by which a client calls a stream on its connection. */
const HANDLE = Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 });
const REQUEST = { request: Type.Optional(Type.Unknown()) };
const strict = { additionalProperties: false };

/** What a client says in text frames. */
export const MESSAGE = Type.Union([
  Type.Object(
    {
      type: Type.Literal("open"),
      stream: HANDLE,
      model: Type.Optional(MODEL),
      id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
      state: Type.Optional(Type.String()),
      position: Type.Optional(Type.Integer({ minimum: 0 })),
      keep: Type.Optional(Type.Boolean()),
      ...REQUEST,
    },
    strict,
  ),
  Type.Object(
    {
      type: Type.Literal("push"),
      pushes: Type.Array(
        Type.Object(
          { stream: HANDLE, ...STEPS, position: Type.Optional(Type.Integer({ minimum: 0 })) },
          strict,
        ),
      ),
      ...REQUEST,
    },
    strict,
  ),
  Type.Object({ type: Type.Literal("fork"), stream: HANDLE, to: HANDLE, ...REQUEST }, strict),
  Type.Object(
    {
      type: Type.Union([Type.Literal("next"), Type.Literal("state"), Type.Literal("close")]),
      stream: HANDLE,
      ...REQUEST,
    },
    strict,
  ),
]);
export type Message = Static<typeof MESSAGE>;
