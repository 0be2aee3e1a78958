import type { ModelVersion } from "../serving/version.js";
import type { Context } from "./context.js";

/** The version of the model that a request names; without a name that of the only model. */
export const versionOf = (
  { registry }: Pick<Context, "registry">,
  model: string | undefined,
): ModelVersion => (model === undefined ? registry.only() : registry.get(model));
