import Type from "typebox";
import { Problem } from "../../problem.js";
import type { App, Context } from "../context.js";
import { problems } from "../schemas.js";

/** `/v2/health/live`, `/v2/health/ready`, `/metrics`. */
export function addHealth(app: App, { registry, phase, metrics }: Context): void {
  const tags = ["operation"];
  app.get(
    "/v2/health/live",
    {
      config: { isOpen: true },
      schema: {
        operationId: "isLive",
        summary: "Whether the server runs",
        tags,
        response: { 200: Type.Object({ live: Type.Boolean() }), ...problems },
      },
    },
    async () => ({ live: true }),
  );
  app.get(
    "/v2/health/ready",
    {
      config: { isOpen: true },
      schema: {
        operationId: "isReady",
        summary: "Whether the server takes requests",
        tags,
        response: { 200: Type.Object({ ready: Type.Boolean() }), ...problems },
      },
    },
    async () => {
      if (phase.isDraining) throw new Problem("not-ready", "the server is ending");
      if (!registry.isReady) throw new Problem("not-ready", "a model has no worker that is ready");
      return { ready: true };
    },
  );
  app.get(
    "/metrics",
    {
      schema: {
        operationId: "getMetrics",
        summary: "Metrics for Prometheus",
        tags,
        response: { 200: { content: { "text/plain": { schema: Type.String() } } }, ...problems },
      },
    },
    async (_, reply) => {
      reply.type(metrics.register.contentType);
      return metrics.register.metrics();
    },
  );
}
