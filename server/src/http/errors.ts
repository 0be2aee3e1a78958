import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ModelFormatError, ShapeError, StateError, UnknownTokenError } from "recurra";
import { QueueFullError, StreamLostError, WorkerLostError } from "recurra/pool";
import type { Metrics } from "../metrics.js";
import { Problem, type ProblemCode } from "../problem.js";
import { watchRoutes } from "./methods.js";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** Fastify's own errors that a client can cause. */
const FASTIFY: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_VALIDATION: "invalid-request",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_BODY_TOO_LARGE: "too-large",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid-json",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid-json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid-request",
  FST_ERR_BAD_URL: "invalid-request",
  FST_ERR_MAX_PARAM_LENGTH: "invalid-request",
  FST_ERR_NOT_FOUND: "not-found",
  FST_UNDER_PRESSURE: "overloaded",
};

/** The problem of an error class of the library; undefined for every other error. */
function libraryProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return undefined;
  const detail = error.message;
  if (error instanceof UnknownTokenError) {
    const { character, position } = error;
    return new Problem("unknown-token", detail, { extras: { character, position } });
  }
  if (error instanceof QueueFullError) return new Problem("overloaded", detail, { retryAfter: 1 });
  if (error instanceof StreamLostError) return new Problem("stream-lost", detail);
  if (error instanceof WorkerLostError) return new Problem("worker-lost", detail);
  if (error instanceof ShapeError) return new Problem("invalid-tensor", detail);
  if (error instanceof ModelFormatError) {
    return new Problem("invalid-request", detail, { extras: { reason: error.code } });
  }
  if (error instanceof StateError) return new Problem("not-ready", detail, { retryAfter: 1 });
  return undefined;
}

/** The problem of one sequence or stream among several: errors of kind and range are the fault of the sequence, too. */
export function sequenceProblem(error: unknown): Problem {
  const problem = libraryProblem(error);
  if (problem !== undefined) return problem;
  if (error instanceof TypeError || error instanceof RangeError) {
    return new Problem("invalid-sequence", error.message);
  }
  return problemOf(error);
}

/** The problem of any error that a request ended with. */
export function problemOf(error: unknown): Problem {
  const own = libraryProblem(error);
  if (own !== undefined) return own;
  const { code, statusCode = 500, message } = error as Partial<FastifyError>;
  const known = code === undefined ? undefined : FASTIFY[code];
  if (known !== undefined)
    return new Problem(known, message ?? "", known === "overloaded" ? { retryAfter: 1 } : {});
  if (error instanceof SyntaxError) return new Problem("invalid-json", message ?? "");
  if (statusCode === 429) return new Problem("rate-limited", message ?? "");
  if (statusCode >= 400 && statusCode < 500) return new Problem("invalid-request", message ?? "");
  return new Problem("internal", "the reason is in the server's log, under the id of the request", {
    cause: error,
  });
}

/** Answers every error with a problem. To be called before the first route, so that it learns of all. */
export function handleErrors(app: FastifyInstance, metrics: Metrics): void {
  const methodsOf = watchRoutes(app);
  const sendProblem = (
    problem: Problem,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply => {
    metrics.problems.inc({ code: problem.code });
    return send(problem, request, reply);
  };
  app.setErrorHandler((error: FastifyError, request, reply) =>
    sendProblem(problemOf(error), request, reply),
  );
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request;
    const where = `${method} ${url.slice(0, 200)}`;
    const methods = methodsOf(url);
    if (methods.length === 0) return sendProblem(new Problem("not-found", where), request, reply);
    // RFC 9110 asks for the header with each 405.
    reply.header("Allow", methods.join(", "));
    const detail = `${where}: expected ${methods.join(" or ")}`;
    return sendProblem(new Problem("method-not-allowed", detail), request, reply);
  });
}

/** Errors of Node's parser of HTTP. */
const SOCKET: Readonly<Record<string, readonly [ProblemCode, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["timeout", "the headers did not arrive in time"],
  HPE_HEADER_OVERFLOW: ["headers-too-large", "the headers have more than 16384 bytes"],
};

/** Answers what is no request of HTTP, or comes too slowly to become one: there is no request yet that could be answered. */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail] = SOCKET[error.code ?? ""] ?? [
    "invalid-request",
    "the request is not valid HTTP",
  ];
  const problem = new Problem(code, detail);
  const body = JSON.stringify(problem.body);
  const head = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  socket.end(`${head}\r\n\r\n${body}`);
}

/** Answers a request with a problem. */
export function send(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (problem.code === "internal") request.log.error({ err: problem.cause }, "request failed");
  if (problem.retryAfter !== undefined) reply.header("Retry-After", problem.retryAfter);
  if (problem.status === 401) reply.header("WWW-Authenticate", "Bearer");
  // Clients of the inference protocol read `error`.
  const own = request.url.startsWith("/v2") ? { error: problem.message } : {};
  const body = JSON.stringify({ ...problem.body, requestId: request.id, ...own });
  return reply
    .header("X-Request-Id", request.id)
    .status(problem.status)
    .type(PROBLEM_TYPE)
    .serializer(asText)
    .send(body);
}

const asText = (payload: unknown): string => payload as string;
