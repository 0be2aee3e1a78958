import type { StreamTable } from "../live/stream_table.js";
import type { Metrics } from "../metrics.js";
import type { Registry } from "../serving/registry.js";

/** Gauges of the models and streams, read when the metrics are. */
export function addGauges(
  metrics: Metrics,
  { registry, streams }: { readonly registry: Registry; readonly streams: StreamTable },
): void {
  const byVersion = (
    name: string,
    help: string,
    read: (version: Registry["versions"][number]) => number,
  ): void => {
    metrics.gauge(name, help, ["model", "version"], (set) => {
      for (const version of registry.versions)
        set({ model: version.name, version: String(version.number) }, read(version));
    });
  };
  byVersion("recurra_workers", "Workers of a version.", ({ backend }) => backend.stats().workers);
  byVersion(
    "recurra_workers_ready",
    "Workers of a version that are ready.",
    ({ backend }) => backend.stats().ready,
  );
  byVersion(
    "recurra_worker_restarts",
    "Workers that took the place of one that had ended.",
    ({ backend }) => backend.stats().restarts,
  );
  byVersion(
    "recurra_queued_sequences",
    "Sequences that no worker has yet.",
    ({ backend, batcher }) => batcher.queued + backend.stats().waiting,
  );
  byVersion(
    "recurra_running_sequences",
    "Sequences that are at workers.",
    ({ backend }) => backend.stats().running,
  );
  byVersion(
    "recurra_version_uses",
    "Requests and live streams that use a version.",
    ({ uses }) => uses,
  );
  metrics.gauge("recurra_streams", "Live streams of this instance.", [], (set) =>
    set({}, streams.size),
  );
  metrics.gauge("recurra_queued_pushes", "Pushes of streams that have no answer yet.", [], (set) =>
    set({}, streams.waiting),
  );
  const { store } = streams;
  if (store === undefined) return;
  metrics.gauge(
    "recurra_state_store_up",
    "Whether the store of states takes writes: 1, or 0 while pushes of streams are answered with 503.",
    [],
    (set) => set({}, store.isUp ? 1 : 0),
  );
  metrics.counter(
    "recurra_state_store_losses_total",
    "Times that the store of states went away.",
    () => store.losses,
  );
}
