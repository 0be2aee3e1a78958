import { Problem } from "../problem.js";
import type { Settings } from "../settings.js";
import type { App } from "./context.js";

/**
 * A body must arrive within `bodyTimeout`: Node's own limit for a request would end long lists of lines, too. Those are read by
 * their handlers, which bound the wait for each piece.
 */
export function addTimeouts(app: App, { bodyTimeout }: Pick<Settings, "bodyTimeout">): void {
  app.server.requestTimeout = 0;
  app.addHook("preParsing", async (request, reply, payload) => {
    const isLines = /^application\/(x-ndjson|jsonl)/.test(request.headers["content-type"] ?? "");
    if (isLines || request.raw.complete) return payload;
    const timer = setTimeout(() => {
      reply.raw.once("finish", () => request.raw.destroy());
      reply.header("Connection", "close");
      void reply.send(new Problem("timeout", `the body did not arrive within ${bodyTimeout} ms`));
    }, bodyTimeout);
    request.raw.once("end", () => clearTimeout(timer));
    request.raw.once("close", () => clearTimeout(timer));
    return payload;
  });
}
