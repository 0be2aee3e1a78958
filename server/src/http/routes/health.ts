import Type from "typebox";
import { Problem } from "../../problem.js";
import type { StreamStore } from "../../state/store.js";
import type { App, Context } from "../context.js";
import { problems } from "../schemas.js";

const READY = Type.Object({
  ready: Type.Boolean(),
  status: Type.Unsafe<"ok" | "degraded">({
    type: "string",
    enum: ["ok", "degraded"],
    description: "`degraded` while the store of states is away: streams are answered with 503",
  }),
  store: Type.Unsafe<"memory" | "up" | "down">({
    type: "string",
    enum: ["memory", "up", "down"],
    description: "the store of states: `memory` if none is shared",
  }),
});

/** `/v2/health/live`, `/v2/health/ready`, `/metrics`. */
export function addHealth(app: App, { registry, phase, metrics, streams }: Context): void {
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
        description:
          "A store of states that is away makes the server `degraded`, not unready: all instances share it, and texts are scored without it. With `require=store` the answer is 503 then.",
        tags,
        querystring: Type.Object({
          require: Type.Optional(
            Type.Unsafe<"store">({
              type: "string",
              enum: ["store"],
              description: "what has to be there, too",
            }),
          ),
        }),
        response: { 200: READY, ...problems },
      },
    },
    async ({ query }) => {
      if (phase.isDraining) throw new Problem("not-ready", "the server is ending");
      if (!registry.isReady) throw new Problem("not-ready", "a model has no worker that is ready");
      const store = storeOf(streams.store);
      if (query.require === "store" && store === "down") {
        throw new Problem("not-ready", "the store of states is away", { retryAfter: 1 });
      }
      return { ready: true, status: store === "down" ? "degraded" : "ok", store } as const;
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

function storeOf(store: StreamStore | undefined): "memory" | "up" | "down" {
  if (store === undefined) return "memory";
  return store.isUp ? "up" : "down";
}
