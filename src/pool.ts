/**
 * A language model, tagger or graph on all cores: workers that compute together, and streams that live there.
 *
 * @module recurra/pool
 */
export { QueueFullError, StreamLostError, WorkerLostError } from "./errors.js";
export type { UrlLike } from "./host.js";
export {
  createGraphPool,
  type GraphPool,
  type PoolGraphPushed,
  type PoolRunOptions,
} from "./pool/graph_pool.js";
export type { PoolGraphStream } from "./pool/graph_stream.js";
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
export type { PoolGraph } from "./pool/protocol.js";
export type { PushedStates } from "./pool/push_call.js";
export type { PoolPushAllOptions, PoolPushOptions } from "./pool/push_options.js";
export type { PoolStreamState, RemoteStream } from "./pool/remote_stream.js";
export { serveGraphs } from "./pool/serve_graph.js";
export type {
  GraphPoolOptions,
  PoolBatch,
  PoolOptions,
  TaggerPoolOptions,
  WorkerOptions,
} from "./pool/settings.js";
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
