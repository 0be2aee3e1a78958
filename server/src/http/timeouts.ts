import { Problem } from "../problem.js";
import type { Settings } from "../settings.js";
import type { App } from "./context.js";

/**
 * A body must arrive within `bodyTimeout`: Node's own limit for a request would end long lists of lines, too. Those are read by
 * their handlers, which bound the wait for each piece.
 */
export function addTimeouts(app: App, { bodyTimeout }: Pick<Settings, "bodyTimeout">): void {
  app.server.requestTimeout = 0;
  // Not async: a promise for each request would cost more than the hook.
  app.addHook("preParsing", (request, reply, payload, done) => {
    const { raw, headers } = request;
    // A small body is here with its head.
    if (!raw.complete && !isLines(headers["content-type"])) {
      const timer = setTimeout(() => {
        reply.raw.once("finish", () => raw.destroy());
        reply.header("Connection", "close");
        void reply.send(new Problem("timeout", `the body did not arrive within ${bodyTimeout} ms`));
      }, bodyTimeout);
      raw.once("end", () => clearTimeout(timer));
      raw.once("close", () => clearTimeout(timer));
    }
    done(null, payload);
  });
}

const isLines = (type = ""): boolean => /^application\/(x-ndjson|jsonl)/.test(type);
