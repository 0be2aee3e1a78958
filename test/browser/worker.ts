import * as recurra from "recurra";
import { golden } from "../support/golden.js";

// What runs in a Web Worker: told how to open an engine, it posts the golden hashes.
globalThis.onmessage = async ({ data: how }: MessageEvent<"async" | "sync">) => {
  const engine = how === "sync" ? recurra.createEngineSync() : await recurra.createEngine();
  globalThis.postMessage(await golden(recurra, engine));
};
