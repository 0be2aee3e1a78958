import { Problem } from "../problem.js";
import type { ModelSettings, Settings } from "../settings.js";
import type { Backend } from "./backend.js";
import { LanguageBackend } from "./language_backend.js";
import type { ModelFile } from "./model_file.js";

/** Starts the workers for a model. @throws a `Problem` of code `invalid-model` */
export async function openBackend(
  file: ModelFile,
  model: ModelSettings,
  { workers, checkpointEvery }: Pick<Settings, "workers" | "checkpointEvery">,
): Promise<Backend> {
  const { precision, unknown } = model;
  const options = { workers, checkpointEvery, precision, unknown };
  try {
    if (file.kind === "language") return await LanguageBackend.open(file, options);
  } catch (error) {
    throw new Problem("invalid-model", (error as Error).message, { cause: error });
  }
  throw new Problem("invalid-model", `${model.file}: a ${file.kind} cannot be served yet`);
}
