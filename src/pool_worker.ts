/**
 * The script of a pool's worker. It is started by `createPool`; a program that starts its workers itself, by the option
 * `worker`, imports it in the script of such a worker.
 *
 * @module recurra/pool/worker
 */

import { workerThreads } from "./pool/host.js";
import type { ToWorker } from "./pool/protocol.js";
import { Service } from "./pool/service.js";

/** The global scope of a web worker. */
interface WebScope {
  onmessage: (event: { readonly data: ToWorker }) => void;
  postMessage(message: unknown, transferred: readonly ArrayBuffer[]): void;
}

const port = workerThreads()?.parentPort ?? undefined;
const scope = globalThis as unknown as WebScope;
const service = new Service((message, transferred = []) => {
  (port ?? scope).postMessage(message, transferred);
});
if (port === undefined) scope.onmessage = ({ data }) => service.receive(data);
else port.on("message", (data) => service.receive(data as ToWorker));
