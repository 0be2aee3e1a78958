import { Problem } from "../problem.js";
import type { ModelSettings, Settings } from "../settings.js";
import type { Backend } from "./backend.js";
import { GraphBackend } from "./graph_backend.js";
import { LanguageBackend } from "./language_backend.js";
import type { ModelFile } from "./model_file.js";
import { TaggerBackend } from "./tagger_backend.js";

/** Starts the workers for a model. @throws a `Problem` of code `invalid-model` */
export async function openBackend(
  file: ModelFile,
  model: ModelSettings,
  {
    workers,
    maxQueue,
    checkpointEvery,
  }: Pick<Settings, "workers" | "maxQueue" | "checkpointEvery">,
): Promise<Backend> {
  const { precision, unknown, classes } = model;
  const options = { workers, maxQueue, checkpointEvery, precision, unknown };
  try {
    if (file.kind === "language") return await LanguageBackend.open(file, options);
    if (file.kind === "graph") return await GraphBackend.open(file.bytes, model, options);
    return await TaggerBackend.open(file, { ...options, classes });
  } catch (error) {
    throw new Problem("invalid-model", (error as Error).message, { cause: error });
  }
}
