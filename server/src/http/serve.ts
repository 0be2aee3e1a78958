import { createRequire } from "node:module";
import closeWithGrace from "close-with-grace";
import { type Logger, pino } from "pino";
import { StreamTable } from "../live/stream_table.js";
import { Metrics } from "../metrics.js";
import { ModelFolder } from "../serving/folder.js";
import { Registry } from "../serving/registry.js";
import { checkSettings, printableSettings, type Settings } from "../settings.js";
import { openStore } from "../state/open_store.js";
import { createApp } from "./app.js";
import type { App, Context } from "./context.js";
import { addGauges } from "./gauges.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/**
 * Lines of the log are written together: one by one they cost more than a request's routing. As bytes, because text that is
 * gathered is measured anew with each line.
 */
const LOG = { sync: false, minLength: 8192, periodicFlush: 500, contentMode: "buffer" } as const;

/** Writes the log to the standard output. */
function openLog(level: Settings["logLevel"]): Logger {
  const out = pino.destination(LOG);
  return pino({ level }, { write: (line) => void out.write(Buffer.from(line) as never) });
}

/** A running service. */
export interface Server {
  readonly app: App;
  readonly registry: Registry;
  /** The address it listens at. */
  readonly url: string;
  /** Stops taking requests, lets those that run end within `drain` milliseconds, and ends the workers. */
  close(): Promise<void>;
}

/** Starts the service. @throws if a model cannot be loaded, or the port is taken */
export async function startServer(given: Partial<Settings>): Promise<Server> {
  const settings = checkSettings(given);
  const log = openLog(settings.logLevel);
  const metrics = new Metrics();
  const events = eventsOf(metrics);
  const registry = new Registry(settings, events, log);
  const store = await openStore(settings, log);
  const streams = new StreamTable({ registry, limits: settings, store, events: events.batches });
  addGauges(metrics, { registry, streams });
  const context: Context = {
    settings,
    registry,
    streams,
    metrics,
    phase: { isDraining: false },
    version,
  };
  const folder =
    settings.folder === undefined ? undefined : new ModelFolder(settings.folder, registry, log);
  log.info({ settings: printableSettings(settings), version }, "starting");
  try {
    const models = modelsOf(settings);
    await Promise.all(Object.entries(models).map(([name, model]) => registry.load(name, model)));
    await folder?.opened();
    const app = await createApp(context, log);
    const url = await app.listen({ host: settings.host, port: settings.port });
    return {
      app,
      registry,
      url,
      close: async () => {
        await folder?.close();
        await drain(app, context);
      },
    };
  } catch (error) {
    streams.close();
    await Promise.all([registry.close(false), store?.close(), folder?.close()]);
    throw error;
  }
}

/** The models of the settings; the one that the library ships, as `english`, if no other can come. */
function modelsOf({ models, folder, allowUpload }: Settings): Settings["models"] {
  if (Object.keys(models).length > 0 || folder !== undefined || allowUpload) return models;
  const file = createRequire(import.meta.url).resolve(
    "recurra/models/english-characters.safetensors",
  );
  return { english: { file } };
}

/** Readiness goes first; then no connection is taken; then the workers end. */
async function drain(app: App, { phase, registry, streams, settings }: Context): Promise<void> {
  phase.isDraining = true;
  const late = setTimeout(() => app.server.closeAllConnections(), settings.drain);
  // A connection that was busy when the server began to end is idle after its answer: clients keep it.
  const idle = setInterval(() => app.server.closeIdleConnections(), 50);
  await app.close();
  clearTimeout(late);
  clearInterval(idle);
  streams.close();
  await Promise.all([registry.close(false), streams.store?.close()]);
}

function eventsOf(metrics: Metrics): ConstructorParameters<typeof Registry>[1] {
  return {
    batches: (model) => ({
      batch: (sequences, rows, waited) => {
        metrics.batchSize.observe({ model }, sequences);
        metrics.queueTime.observe({ model }, waited / 1000);
        metrics.tokens.inc({ model }, rows);
      },
      done: () => undefined,
    }),
    loaded: ({ name }) => metrics.loads.inc({ model: name, result: "loaded" }),
    refused: (name) => metrics.loads.inc({ model: name, result: "refused" }),
    closed: () => undefined,
  };
}

/** Starts the service, and ends it with the process. */
export async function serve(settings: Settings): Promise<void> {
  const server = await startServer(settings);
  process.on("SIGHUP", () => {
    server.app.log.info("SIGHUP: the files of all models are read again");
    void server.registry.reload();
  });
  closeWithGrace({ delay: settings.drain + 2000 }, async ({ err }) => {
    if (err !== undefined) server.app.log.fatal({ err }, "uncaught");
    await server.close();
  });
}
