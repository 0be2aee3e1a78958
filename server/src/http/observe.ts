import type { Counter, Histogram } from "prom-client";
import type { App, Context } from "./context.js";

/** Counts and times every request, and writes a line of the log for it. */
export function observe(app: App, { metrics }: Context): void {
  const series = new Map<
    string,
    { count: Counter.Internal; seconds: Histogram.Internal<"route"> }
  >();
  /** The series of a route and status, which cost more to look up by their labels. */
  const seriesOf = (route: string, status: number) => {
    const key = `${status} ${route}`;
    let found = series.get(key);
    if (found === undefined) {
      const count = metrics.requests.labels({ route, status: String(status) });
      found = { count, seconds: metrics.duration.labels({ route }) };
      series.set(key, found);
    }
    return found;
  };
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("X-Request-Id", request.id).header("X-Content-Type-Options", "nosniff");
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const { method, url } = request;
    const { statusCode: status, elapsedTime } = reply;
    const { count, seconds } = seriesOf(request.routeOptions.url ?? "none", status);
    count.inc();
    seconds.observe(elapsedTime / 1000);
    request.log.info({ method, url, status, ms: Math.round(elapsedTime * 100) / 100 }, "request");
    done();
  });
}
