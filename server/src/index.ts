/**
 * A service for recurrent networks.
 *
 * @module recurra-server
 */
export { type Server, startServer } from "./http/serve.js";
export { PROBLEMS, Problem, type ProblemBody, type ProblemCode } from "./problem.js";
export { type ModelSettings, type Settings, SettingsError } from "./settings.js";
export type { StoredStream, StreamSave, StreamStore } from "./state/store.js";
