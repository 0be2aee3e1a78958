import { randomUUID } from "node:crypto";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import underPressure from "@fastify/under-pressure";
import fastify, { type FastifyBaseLogger, LogController } from "fastify";
import { Problem } from "../problem.js";
import { addParsers } from "./bodies.js";
import { checkContentTypes } from "./content_types.js";
import type { App, Context } from "./context.js";
import { handleErrors, problemOf, refuseSocket, send } from "./errors.js";
import { observe } from "./observe.js";
import { addGenerate, GENERATE_SCHEMAS } from "./routes/generate.js";
import { addHealth } from "./routes/health.js";
import { addInference, INFERENCE_SCHEMAS } from "./routes/inference.js";
import { addLive } from "./routes/live.js";
import { addModels, MODEL_SCHEMAS } from "./routes/models.js";
import { addScore } from "./routes/score.js";
import { addStreams, STREAM_SCHEMAS } from "./routes/streams.js";
import { addTag, TAG_SCHEMAS } from "./routes/tag.js";
import { SHARED } from "./schemas.js";
import { addTimeouts } from "./timeouts.js";
import { addTokens } from "./tokens.js";

/** Milliseconds between two looks for sockets whose headers or bodies are late. */
const CHECK_EVERY = 2000;

/** The service, not listening yet. */
export async function createApp(context: Context, loggerInstance: FastifyBaseLogger): Promise<App> {
  const { settings, version } = context;
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: settings.maxBody,
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    return503OnClosing: true,
    routerOptions: { maxParamLength: 200 },
    requestIdHeader: false,
    genReqId: ({ headers }) => {
      const given = headers["x-request-id"];
      return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
    },
    http: {
      headersTimeout: settings.bodyTimeout,
      connectionsCheckingInterval: Math.min(CHECK_EVERY, settings.bodyTimeout),
      maxHeaderSize: 16_384,
    },
    frameworkErrors: (error, request, reply) => send(problemOf(error), request, reply),
    clientErrorHandler: (error, socket) => refuseSocket(error, socket),
    // A null is no 0, and a field that nobody knows is a mistake, not noise.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = settings.maxConnections;
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  handleErrors(app as never, context.metrics);
  addParsers(app as never, settings.maxDepth);
  addTimeouts(app, settings);
  checkContentTypes(app);
  observe(app, context);
  for (const schema of [
    ...SHARED,
    ...TAG_SCHEMAS,
    ...GENERATE_SCHEMAS,
    ...STREAM_SCHEMAS,
    ...MODEL_SCHEMAS,
    ...INFERENCE_SCHEMAS,
  ])
    app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Recurra",
        version,
        description: "Scores, tags and live streams of recurrent networks.",
        license: { name: "MIT", identifier: "MIT" },
      },
      tags: [
        { name: "native", description: "Recurra's own calls" },
        { name: "streams", description: "Live sequences that read step by step" },
        { name: "inference protocol", description: "Open Inference Protocol v2" },
        { name: "models", description: "What is served" },
        { name: "operation", description: "Health and metrics" },
      ],
      servers: [{ url: "/" }],
      ...(settings.token === undefined
        ? {}
        : {
            components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
            security: [{ token: [] }],
          }),
    },
    refResolver: {
      buildLocalReference: (json, _, __, i) =>
        typeof json.$id === "string" ? json.$id : `schema-${i}`,
    },
  });
  if (settings.rateLimit > 0) {
    await app.register(rateLimit, {
      max: settings.rateLimit,
      timeWindow: 60_000,
      errorResponseBuilder: (_, { after }) =>
        new Problem(
          "rate-limited",
          `${settings.rateLimit} requests in a minute are allowed: try again in ${after}`,
        ),
    });
  }
  if (settings.maxLoopDelay > 0) {
    await app.register(underPressure, {
      maxEventLoopDelay: settings.maxLoopDelay,
      pressureHandler: (request, _, type) => {
        if (request.routeOptions.config.isOpen === true) return;
        throw new Problem("overloaded", `the server is busy: ${type}`, { retryAfter: 1 });
      },
    });
  }
  await addTokens(app, settings);
  // The headers of helmet are for pages; an answer in JSON has the one that concerns it (observe.ts).
  await app.register(async (pages) => {
    await pages.register(helmet, { contentSecurityPolicy: false, strictTransportSecurity: false });
    await pages.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: true,
      // The page is served over HTTP, too: nothing in it has to be fetched by HTTPS.
      transformStaticCSP: (header) =>
        header
          .replace(/upgrade-insecure-requests;?/, "")
          .replace(" validator.swagger.io", "")
          // The page of Swagger sets styles of its elements.
          .replace(/style-src [^;]*/, "style-src 'self' 'unsafe-inline'"),
      // Not even a picture is fetched from elsewhere.
      uiConfig: { validatorUrl: null },
      theme: {
        title: "Recurra",
        css: [{ filename: "recurra.css", content: ".swagger-ui .topbar { display: none }" }],
      },
    });
  });
  await addLive(app as App, context);
  await app.register(async (routes) => {
    const own = routes as unknown as App;
    own.get("/", { schema: { hide: true } }, async (_, reply) => reply.redirect("/docs"));
    own.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
    addHealth(own, context);
    addScore(own, context);
    addTag(own, context);
    addGenerate(own, context);
    addStreams(own, context);
    addModels(own, context);
    addInference(own, context);
  });
  await app.ready();
  return app as App;
}
