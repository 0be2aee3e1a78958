import type { App, Context } from "./context.js";

/** Counts and times every request, and writes a line of the log for it. */
export function observe(app: App, { metrics }: Context): void {
  app.addHook("onSend", (request, reply, payload, done) => {
    reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    done(null, payload);
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    const seconds = reply.elapsedTime / 1000;
    metrics.requests.inc({ route, status: String(reply.statusCode) });
    metrics.duration.observe({ route }, seconds);
    const { method, url } = request;
    request.log.info(
      { method, url, status: reply.statusCode, ms: Math.round(seconds * 1e5) / 100 },
      "request",
    );
    done();
  });
}
