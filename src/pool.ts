/**
 * A language model on all cores: workers that score together, and streams that live there.
 *
 * @module recurra/pool
 */
export { QueueFullError, StreamLostError, WorkerLostError } from "./errors.js";
export type { UrlLike } from "./host.js";
export type {
  CloseOptions,
  PoolOptions,
  PoolScoreManyOptions,
  PoolScoreOptions,
  PoolStreamOptions,
} from "./pool/options.js";
export { createPool, type Pool } from "./pool/pool.js";
export type { PoolModel, PoolStats } from "./pool/pool_core.js";
export type { PoolSource } from "./pool/source.js";
export type { PoolStream, PoolStreamState } from "./pool/stream.js";
export type { WorkerLike } from "./pool/worker_port.js";
