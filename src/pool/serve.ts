import { workerThreads } from "./host.js";
import type { ToWorker } from "./protocol.js";
import { type OpenServed, Service } from "./service.js";

/** The global scope of a web worker. */
interface WebScope {
  onmessage: (event: { readonly data: ToWorker }) => void;
  postMessage(message: unknown, transferred: readonly ArrayBuffer[]): void;
}

/** Serves the pool that started this worker. */
export function serve(open: OpenServed): void {
  const port = workerThreads()?.parentPort ?? undefined;
  const scope = globalThis as unknown as WebScope;
  const service = new Service((message, transferred = []) => {
    (port ?? scope).postMessage(message, transferred);
  }, open);
  if (port === undefined) scope.onmessage = ({ data }) => service.receive(data);
  else port.on("message", (data) => service.receive(data as ToWorker));
}
