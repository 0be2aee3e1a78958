import Type, { type Static } from "typebox";
import type { LiveStream } from "../../live/live_stream.js";
import type { App, Context } from "../context.js";
import { versionOf } from "../model_choice.js";
import { PUSHED, pushedOf } from "../pushed.js";
import { MODEL, problems, STEPS } from "../schemas.js";
import { signalOf } from "../scope.js";
import { sequenceError } from "../score_text.js";

const ID = Type.String({ minLength: 1, maxLength: 128, description: "the stream's id" });
const PARAMS = Type.Object({ id: ID });

const INFO = Type.Object(
  {
    id: Type.String(),
    model: Type.String(),
    version: Type.String(),
    position: Type.Integer({ description: "steps that the stream has read" }),
  },
  { $id: "Stream", title: "Stream" },
);

const POSITION = Type.Optional(
  Type.Integer({ minimum: 0, description: "where the stream must be; another position is a 409" }),
);
const PUSH = Type.Object(
  { ...STEPS, position: POSITION },
  { additionalProperties: false, examples: [{ text: "The ship " }] },
);
const ONE_OF_MANY = Type.Object(
  { id: ID, ...STEPS, position: POSITION },
  { additionalProperties: false },
);

export const STREAM_SCHEMAS = [INFO, PUSHED];

const infoOf = ({ id, version, position }: LiveStream): Static<typeof INFO> => ({
  id,
  model: version.name,
  version: String(version.number),
  position,
});

/** `/v1/streams`. */
export function addStreams(app: App, context: Context): void {
  const { streams } = context;
  const { timeout } = context.settings;
  const tags = ["streams"];
  app.post(
    "/v1/streams",
    {
      schema: {
        operationId: "openStream",
        summary: "Open a stream",
        tags,
        body: Type.Object(
          {
            model: Type.Optional(MODEL),
            state: Type.Optional(
              Type.String({
                pattern: "^[A-Za-z0-9+/]*={0,2}$",
                description: "a state to begin in, in Base64",
              }),
            ),
            position: Type.Optional(
              Type.Integer({ minimum: 0, description: "the steps that the state has read" }),
            ),
          },
          { additionalProperties: false, examples: [{}] },
        ),
        response: { 201: Type.Ref("Stream"), ...problems },
      },
    },
    async ({ body: { model, state, position = 0 } }, reply) => {
      const version = versionOf(context, model);
      const from = state === undefined ? {} : { from: Buffer.from(state, "base64"), position };
      const live = await streams.create(version, from);
      reply.status(201).header("Location", `/v1/streams/${live.id}`);
      return infoOf(live);
    },
  );
  app.post(
    "/v1/streams/push",
    {
      schema: {
        operationId: "pushStreams",
        summary: "Push many streams",
        description:
          "The pushes are made together. The error of one takes the place of its result.",
        tags,
        body: Type.Object(
          { pushes: Type.Array(ONE_OF_MANY, { maxItems: 10_000 }) },
          {
            additionalProperties: false,
            examples: [{ pushes: [{ id: "the id of a stream", text: "The ship " }] }],
          },
        ),
        response: {
          200: Type.Object({
            results: Type.Array(Type.Union([Type.Ref("Pushed"), Type.Ref("SequenceError")])),
          }),
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { pushes } = request.body;
      const signal = signalOf(request, reply, timeout);
      const results = await Promise.all(
        pushes.map(async ({ id, position, ...steps }) => {
          try {
            const options = { expected: position, signal };
            return pushedOf(await streams.push(await streams.get(id), steps, options));
          } catch (error) {
            return { error: sequenceError(error as Error) };
          }
        }),
      );
      return { results } as never;
    },
  );
  app.post(
    "/v1/streams/:id/push",
    {
      schema: {
        operationId: "pushStream",
        summary: "Read steps",
        tags,
        params: PARAMS,
        body: PUSH,
        response: { 200: Type.Ref("Pushed"), ...problems },
      },
    },
    async (request, reply) => {
      const { position, ...steps } = request.body;
      const live = await streams.get(request.params.id);
      const signal = signalOf(request, reply, timeout);
      return pushedOf(await streams.push(live, steps, { expected: position, signal }));
    },
  );
  app.get(
    "/v1/streams/:id",
    {
      schema: {
        operationId: "getStream",
        summary: "Where a stream is",
        tags,
        params: PARAMS,
        response: { 200: Type.Ref("Stream"), ...problems },
      },
    },
    async ({ params: { id } }) => infoOf(await streams.current(id)),
  );
  app.get(
    "/v1/streams/:id/next",
    {
      schema: {
        operationId: "nextOfStream",
        summary: "Log-probabilities of all tokens as the next one",
        tags,
        params: PARAMS,
        response: {
          200: Type.Object({
            position: Type.Integer(),
            logProbs: Type.Array(Type.Number(), { description: "by id" }),
          }),
          ...problems,
        },
      },
    },
    async ({ params: { id } }) => {
      const live = await streams.current(id);
      const { position } = live;
      return { position, logProbs: Array.from(await live.inner.next()) };
    },
  );
  app.post(
    "/v1/streams/:id/fork",
    {
      schema: {
        operationId: "forkStream",
        summary: "Another stream that has read the same",
        tags,
        params: PARAMS,
        response: { 201: Type.Ref("Stream"), ...problems },
      },
    },
    async ({ params: { id } }, reply) => {
      const fork = await streams.fork(await streams.current(id));
      reply.status(201).header("Location", `/v1/streams/${fork.id}`);
      return infoOf(fork);
    },
  );
  app.get(
    "/v1/streams/:id/state",
    {
      schema: {
        operationId: "stateOfStream",
        summary: "The state of a stream",
        description:
          "The bytes continue in any process: `LanguageStream.state.fromBytes` reads them, and so does `POST /v1/streams`.",
        tags,
        params: PARAMS,
        response: {
          200: Type.Object({
            position: Type.Integer(),
            modelHash: Type.String(),
            state: Type.String({ description: "in Base64" }),
          }),
          ...problems,
        },
      },
    },
    async ({ params: { id } }) => {
      const live = await streams.current(id);
      const { position } = live;
      const state = Buffer.from(await live.inner.state()).toString("base64");
      return { position, modelHash: live.version.hash, state };
    },
  );
  app.delete(
    "/v1/streams/:id",
    {
      schema: {
        operationId: "endStream",
        summary: "End a stream",
        tags,
        params: PARAMS,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async ({ params: { id } }, reply) => {
      await streams.remove(id);
      reply.status(204);
      return null;
    },
  );
}
