// The HTTP side of both rivals, as a user of fastify writes it: a schema, one route, an error handler of the framework.
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { readVocabulary } from "../fixture.js";

const vocabulary = readVocabulary();

interface Body {
  readonly text: string;
}

const schema = {
  body: {
    type: "object",
    required: ["text"],
    properties: { text: { type: "string", minLength: 2, maxLength: 10_000 } },
  },
  response: {
    200: {
      type: "object",
      properties: { logProb: { type: "number" }, tokens: { type: "integer" } },
    },
  },
};

/** Listens at a free port and prints it. */
export async function serve(score: (ids: Int32Array) => Promise<number>): Promise<void> {
  const app = fastify();
  app.post<{ Body: Body }>("/score", { schema }, async ({ body }, reply) => {
    const ids = Int32Array.from(body.text, (character) => vocabulary[character] ?? -1);
    if (ids.includes(-1)) return reply.code(400).send({ message: "unknown character" });
    return { logProb: await score(ids), tokens: ids.length - 1 };
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  console.log(JSON.stringify({ port: (app.server.address() as AddressInfo).port }));
}
