// The entry `recurra/slim`: all of `recurra` without the kernels, which the caller brings. The build leaves out what
// build/embedded holds (scripts/bundle_slim.mjs).
export * from "./index.js";
export {
  createEngine,
  createEngineSync,
  type SlimEngineOptions,
  type SlimSyncOptions,
} from "./wasm/slim.js";
