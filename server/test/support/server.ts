import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { type Server, type Settings, startServer } from "../../src/index.js";

/** The model that the library ships. */
export const ENGLISH = fileURLToPath(
  new URL("../../../models/english-characters.safetensors", import.meta.url),
);

const running: Server[] = [];

afterAll(async () => {
  await Promise.all(running.map((server) => server.close()));
});

/** A server at a free port, which ends with the test file. It serves the shipped model as `english`, on two workers. */
export async function server(settings: Partial<Settings> = {}): Promise<Server> {
  const models = { english: { file: ENGLISH } };
  const started = await startServer({
    models,
    port: 0,
    workers: 2,
    logLevel: "silent",
    drain: 500,
    // Tests share the machine, and the server shares the thread of its test.
    maxLoopDelay: 0,
    ...settings,
  });
  running.push(started);
  return started;
}

/** Posts JSON. */
export function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
