import type { PoolStats } from "recurra/pool";
import { Problem } from "../problem.js";
import type { BackendStats } from "./backend.js";

/** A method that a kind of model does not have. */
export function notOffered(operation: string, kind: string): () => Promise<never> {
  return async () => {
    throw new Problem("not-supported", `${operation}: a ${kind} does not offer it`);
  };
}

export function poolStats({
  workers,
  waiting,
  running,
  finished,
  restarts,
}: PoolStats): BackendStats {
  return {
    workers: workers.length,
    ready: workers.filter(({ state }) => state !== "starting").length,
    streams: workers.reduce((sum, { streams }) => sum + streams, 0),
    waiting,
    running,
    finished,
    restarts,
  };
}
