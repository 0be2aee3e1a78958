import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  createEngine,
  type Engine,
  loadLanguageModel,
  loadTagger,
  type ModelDescription,
  ModelFormatError,
  type VocabularySource,
} from "recurra";
import { Problem } from "../problem.js";
import { kindOf, readModelFile } from "../serving/model_file.js";
import { JobError, withFile } from "./errors.js";
import type { JobModel, JobTagger, MODEL_KINDS } from "./plan.js";

/** How a model is opened, with a vocabulary's path. */
export interface ModelRequest extends Pick<JobModel, "precision" | "unknown" | "pooling"> {
  readonly vocabulary?: string;
  /** Default: by what the file holds. */
  readonly kind?: (typeof MODEL_KINDS)[number];
}

/** A model file that was read, and the options with which the library opens it. */
export interface OpenedFile {
  readonly description: ModelDescription;
  readonly options: Pick<JobModel, "precision" | "unknown"> & {
    readonly vocabulary?: VocabularySource;
  };
}

/**
 * A model file, and the file of its vocabulary, as their bytes are now. Opens it once, so that a fault shows before the work begins.
 */
export async function modelOf(path: string, request: ModelRequest): Promise<JobModel> {
  const { vocabulary, kind, ...options } = request;
  const { hash, description } = await readModel(path);
  const model: Omit<JobModel, "takesTexts"> = {
    path: resolve(path),
    sha256: hash,
    ...options,
    ...(vocabulary === undefined ? {} : { vocabulary: await vocabularyFile(vocabulary) }),
  };
  const isTagger = (kind ?? kindOf(description)) === "tagger";
  if (!isTagger && options.pooling !== undefined) {
    throw new JobError("usage", "--pooling: the model is a language model: pass --kind tagger");
  }
  const file = { description, options: await optionsOf(model) };
  return opening(path, async () => {
    using engine = await createEngine();
    if (isTagger) return { ...model, ...(await taggerOf(file, engine, options.pooling)) };
    using found = await loadLanguageModel(engine, description, file.options);
    return { ...model, takesTexts: found.vocabulary !== undefined };
  });
}

async function taggerOf(
  { description, options }: OpenedFile,
  engine: Engine,
  pooling: JobModel["pooling"],
): Promise<Pick<JobModel, "takesTexts" | "tagger">> {
  using found = await loadTagger(engine, description, { ...options, output: pooling });
  const { input, metadata } = description;
  const isNumbers = input.kind === "features";
  const table = isNumbers ? tableIn(metadata, input.size) : undefined;
  const tagger: JobTagger = {
    ...(isNumbers ? { width: input.size } : {}),
    perStep: found.output === "steps",
    hasLabels: found.classes !== undefined,
    ...(table === undefined ? {} : { table }),
  };
  return { takesTexts: options.vocabulary !== undefined || metadata.has("vocabulary"), tagger };
}

/** What `recurra train` notes of its table. Other programs may use the same names for other things. */
function tableIn(
  metadata: ModelDescription["metadata"],
  width: number,
): JobTagger["table"] | undefined {
  const features = parsed(metadata.get("features"));
  const window = parsed(metadata.get("window"));
  const isList = Array.isArray(features) && features.every((name) => typeof name === "string");
  if (!isList || features.length !== width) return undefined;
  const isCount = Number.isSafeInteger(window) && (window as number) >= 1;
  return { features, ...(isCount ? { window: window as number } : {}) };
}

function parsed(text = "null"): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads the model of a job, and its vocabulary.
 *
 * @throws {JobError} if a file is not the one that the job was planned with
 */
export async function fileOf(model: JobModel): Promise<OpenedFile> {
  const { hash, description } = await readModel(model.path);
  checkHash(model, hash);
  return { description, options: await optionsOf(model) };
}

async function optionsOf({
  precision,
  unknown,
  vocabulary,
}: Omit<JobModel, "takesTexts">): Promise<OpenedFile["options"]> {
  return {
    precision,
    ...(vocabulary === undefined ? {} : { vocabulary: await vocabularyOf(vocabulary) }),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** Opens a model; the library's error is one of the model. */
export async function opening<T>(path: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const kinds = [ModelFormatError, TypeError, RangeError];
    if (!kinds.some((kind) => error instanceof kind)) throw error;
    throw new JobError("model", `${path}: ${inOptions((error as Error).message)}`);
  }
}

/** A message of the library in the words of the command. */
const inOptions = (message: string): string =>
  message
    .replace(/^(load|create)\w+: /, "")
    .replace(/pass \{ output: .*$/, "pass --pooling steps, last, mean or max")
    .replace(
      /^unknown: (.*): pass \{.*$/,
      "--unknown: $1: pass a token of the vocabulary, or its id",
    );

/** Reads a model of any format. @throws {JobError} */
async function readModel(path: string): Promise<{ hash: string; description: ModelDescription }> {
  try {
    // Graphs are not meant: an ONNX file is described.
    const file = await readModelFile(path, "language");
    return file as typeof file & { readonly kind: "language" };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { code } = (error.cause ?? {}) as { code?: string };
    if (code === "ENOENT") throw new JobError("model", `--model: ${path}: there is no such file`);
    throw new JobError("model", error.message);
  }
}

async function vocabularyFile(path: string): Promise<{ path: string; sha256: string }> {
  const bytes = await withFile(path, () => readFile(path));
  return { path: resolve(path), sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** @throws {JobError} if a file is not the one that the job was planned with */
function checkHash(file: { path: string; sha256: string }, found: string): void {
  if (found === file.sha256) return;
  const what = `expected the file with SHA-256 ${file.sha256}, got ${found}`;
  throw new JobError("model-changed", `${file.path}: ${what}: start a new job`);
}

async function vocabularyOf(file: { path: string; sha256: string }): Promise<VocabularySource> {
  checkHash(file, (await vocabularyFile(file.path)).sha256);
  try {
    return JSON.parse(await readFile(file.path, "utf8")) as VocabularySource;
  } catch {
    throw new JobError("model", `${file.path}: expected JSON: { token: id } or a list of tokens`);
  }
}
