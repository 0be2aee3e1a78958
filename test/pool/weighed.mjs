// The script of a worker that tells, on a port of its own, how many bytes it holds after a collection.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { workerData } from "node:worker_threads";
import "recurra/pool/worker";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
workerData.port.on("message", () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  workerData.port.postMessage(heapUsed + external);
});
workerData.port.unref();
