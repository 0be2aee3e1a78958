import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { StreamTable } from "../live/stream_table.js";
import type { Metrics } from "../metrics.js";
import type { Registry } from "../serving/registry.js";
import type { Settings } from "../settings.js";

/** The instance of Fastify, whose handlers get the types of their schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Whether the server takes requests: readiness goes first when it ends. */
export interface Phase {
  isDraining: boolean;
}

/** What the routes work with. */
export interface Context {
  readonly settings: Settings;
  readonly registry: Registry;
  readonly streams: StreamTable;
  readonly metrics: Metrics;
  readonly phase: Phase;
  /** The version of this package. */
  readonly version: string;
}
