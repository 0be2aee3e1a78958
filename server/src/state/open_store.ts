import type { Settings } from "../settings.js";
import type { StoreOptions, StreamStore } from "./store.js";

/** The store of the settings; undefined where streams live in their workers only. */
export async function openStore(
  { state, streamTtl }: Pick<Settings, "state" | "streamTtl">,
  log: StoreOptions["log"],
): Promise<StreamStore | undefined> {
  if (state === "memory") return undefined;
  const { openRedisStore } = await import("./redis_store.js");
  return openRedisStore({ address: state, timeToLive: streamTtl, log });
}
