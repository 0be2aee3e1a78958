import { FeatureError } from "../errors.js";
import type { LanguageModelOptions, TaggerOptions } from "../model/loading.js";
import { loadLanguageModel, loadTagger } from "../model/loading.js";
import type { Engine } from "../wasm/engine.js";
import type { OpenMessage } from "./protocol.js";
import { ServedLanguage } from "./serve_language.js";
import { ServedTagger } from "./serve_tagger.js";
import type { Served } from "./served.js";

/** Opens a language model or a tagger. */
export async function openModel(
  engine: Engine,
  { serves, model, options }: OpenMessage,
): Promise<Served> {
  if (serves === "graph") {
    throw new FeatureError("createGraphPool: worker: expected a script that calls serveGraphs");
  }
  if (serves === "tagger") {
    return new ServedTagger(await loadTagger(engine, model, options as TaggerOptions));
  }
  return new ServedLanguage(
    await loadLanguageModel(engine, model, options as LanguageModelOptions),
  );
}
