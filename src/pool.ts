/**
 * A language model or tagger on all cores: workers that score together, and streams that live there.
 *
 * @module recurra/pool
 */
export { QueueFullError, StreamLostError, WorkerLostError } from "./errors.js";
export type { UrlLike } from "./host.js";
export type {
  CloseOptions,
  PoolScoreManyOptions,
  PoolScoreOptions,
  PoolStreamOptions,
  PoolTagManyOptions,
  PoolTagOptions,
} from "./pool/options.js";
export { createPool, type Pool, type PoolModel, type PoolPushed } from "./pool/pool.js";
export type { PoolStats } from "./pool/pool_core.js";
export type { PushedStates } from "./pool/push_call.js";
export type { PoolPushAllOptions, PoolPushOptions } from "./pool/push_options.js";
export type { PoolStreamState, RemoteStream } from "./pool/remote_stream.js";
export type { PoolBatch, PoolOptions, TaggerPoolOptions, WorkerOptions } from "./pool/settings.js";
export type { PoolSource } from "./pool/source.js";
export type { PoolStream } from "./pool/stream.js";
export {
  createTaggerPool,
  type PoolTagged,
  type PoolTagger,
  type TaggerPool,
} from "./pool/tagger_pool.js";
export type { PoolTaggerStream } from "./pool/tagger_stream.js";
export type { WorkerPool } from "./pool/worker_pool.js";
export type { WorkerLike } from "./pool/worker_port.js";
