import type { PoolStats } from "recurra/pool";
import { Problem } from "../problem.js";
import type { BackendStats, CallOptions } from "./backend.js";

/** Calls that a pool may have open: the server bounds them itself, before they reach the pool. */
export const OPEN_CALLS = 1_000_000;

/** How the workers of a model are started. */
export interface OpenOptions {
  readonly workers: number;
  /** Sequences and runs that may be without a result. */
  readonly maxQueue: number;
  /** Pushes after which the state of a stream is saved in this process; 0 for never. */
  readonly checkpointEvery: number;
  readonly precision: "f64" | "f32" | undefined;
  readonly unknown: string | number | undefined;
}

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

/** The results of a call, or why its signal aborted: not that it did. */
export async function withReason<R>(
  signal: CallOptions["signal"],
  results: Promise<R>,
): Promise<R> {
  try {
    return await results;
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}
