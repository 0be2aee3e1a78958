import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.js";
import { WorkSignal } from "../serving/work_signal.js";

/** The header with the milliseconds that a request may take. */
export const DEADLINE_HEADER = "x-request-timeout-ms";

/** The milliseconds of the header, at most `limit`. */
function timeoutOf(request: FastifyRequest, limit: number): number {
  const text = request.headers[DEADLINE_HEADER];
  if (text === undefined) return limit;
  if (typeof text === "string" && /^[1-9]\d{0,9}$/.test(text)) return Math.min(Number(text), limit);
  throw new Problem("invalid-request", `${DEADLINE_HEADER}: expected milliseconds, an integer ≥ 1`);
}

/**
 * A signal for the work of a request: it aborts when its deadline passes, and when its client goes away.
 *
 * @param limit the milliseconds without a header; undefined for a request whose length is open
 */
export function signalOf(
  request: FastifyRequest,
  reply: FastifyReply,
  limit: number | undefined,
): WorkSignal {
  const signal = new WorkSignal();
  const { raw } = reply;
  const milliseconds =
    limit === undefined && request.headers[DEADLINE_HEADER] === undefined
      ? undefined
      : timeoutOf(request, limit ?? Number.POSITIVE_INFINITY);
  const timer =
    milliseconds === undefined
      ? undefined
      : setTimeout(() => {
          signal.abort(
            new Problem("deadline-exceeded", `the request took more than ${milliseconds} ms`),
          );
        }, milliseconds);
  raw.once("close", () => {
    clearTimeout(timer);
    if (!raw.writableFinished) signal.abort(new Problem("client-closed", "the client went away"));
  });
  return signal;
}
