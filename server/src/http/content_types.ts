import { Problem } from "../problem.js";
import type { App } from "./context.js";

/** Types of bodies by their other names. */
const SAME: Readonly<Record<string, string>> = { "application/jsonl": "application/x-ndjson" };

/**
 * Refuses bodies of a type that a route does not list. Fastify checks a body against the schema of its type, and a body of
 * another type against none.
 */
export function checkContentTypes(app: App): void {
  app.addHook("onRoute", (route) => {
    const body = route.schema?.body as { readonly content?: object } | undefined;
    if (body === undefined) return;
    // Without a list it is JSON, whose schema also says whether it may be absent.
    const types = Object.keys(body.content ?? { "application/json": true });
    const isNeeded = body.content !== undefined;
    const refusal = (header: string): Problem | undefined => {
      // As nearly all clients write it.
      if (header === types[0]) return undefined;
      const [given = ""] = header.toLowerCase().split(";");
      const type = given.trim();
      if (type === "" ? !isNeeded : types.includes(SAME[type] ?? type)) return undefined;
      const got = type === "" ? "no content type" : type;
      return new Problem("unsupported-media-type", `expected ${types.join(" or ")}, got ${got}`);
    };
    route.preParsing = (request, _, payload, done) => {
      const refused = refusal(request.headers["content-type"] ?? "");
      if (refused === undefined) done(null, payload);
      else done(refused);
    };
  });
}
