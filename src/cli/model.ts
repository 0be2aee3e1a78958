import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ACTIVATIONS, type ActivationName } from "../cells/activations.js";
import {
  describeSafetensors,
  type OutputName,
  type PytorchNames,
  readSafetensors,
} from "../formats/safetensors.js";
import type { ModelDescription } from "../index.js";
import { InputError, printable, shown, UsageError, withFile } from "./faults.js";

/** The model of the package, seen from dist/cli.js. */
const SHIPPED = new URL("../models/english-characters.safetensors", import.meta.url);

/** Options that decide what a PyTorch file leaves open. */
export interface NameOptions {
  readonly recurrent?: string;
  readonly embedding?: string;
  readonly output?: string;
  readonly nonlinearity?: "tanh" | "relu";
  readonly input?: "features" | "one-hot";
  readonly ignoreOthers?: boolean;
  /** False: no residual connections. */
  readonly residual?: boolean;
  readonly pooling?: PytorchNames["pooling"];
  /** Whether what is assumed of the model is not printed. */
  readonly quiet?: boolean;
}

export interface OpenModel {
  /** Its path, or the name of the package's model in messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly description: ModelDescription;
}

/** A format, with a reader that is loaded when a file asks for it. */
interface Format {
  readonly name: RegExp;
  /** Whether the file begins as this format does. */
  readonly begins: (bytes: Uint8Array) => boolean;
  readonly read: (bytes: Uint8Array, path: string) => Promise<ModelDescription>;
}

const [BACKSPACE, BRACE] = [0x08, 0x7b];
const KERAS = /^PK.{28}(metadata\.json|config\.json|model\.weights\.h5)/s;

const FORMATS: readonly Format[] = [
  {
    name: /\.keras$/i,
    // A zip file whose first entry is one of Keras 3\'s.
    begins: (bytes) => KERAS.test(String.fromCharCode(...bytes.subarray(0, 64))),
    read: async (bytes) => (await import("../formats/keras.js")).describeKeras(bytes),
  },
  {
    name: /\.onnx$/i,
    begins: ([first]) => first === BACKSPACE, // the field ir_version
    read: async (bytes) => (await import("../onnx.js")).describeOnnx(bytes),
  },
  {
    name: /\.json$/i,
    begins: ([first]) => first === BRACE,
    read: async (bytes, path) => {
      const { describeTensorflowJs } = await import("../formats/tensorflowjs.js");
      const model = parseJson(path, bytes);
      return describeTensorflowJs(model, await readShards(path, shardNames(path, model)));
    },
  },
];

/** The format of a file: by its content, else by its name; undefined for safetensors, whose reader names other files. */
function formatOf(path: string, bytes: Uint8Array): Format | undefined {
  // The header of a safetensors file follows its length, whose first byte may be anything.
  if (bytes[7] === 0 && bytes[8] === BRACE) return undefined;
  return FORMATS.find(({ begins }) => begins(bytes)) ?? FORMATS.find(({ name }) => name.test(path));
}

/** The object or list in a file of JSON. */
export function parseJson(path: string, bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InputError(`${path}: expected JSON in UTF-8`);
  }
  if (typeof value === "object" && value !== null) return value;
  throw new InputError(`${path}: expected a JSON object or list, got ${shown(value)}`);
}

/** The names of the shards in a model.json. They are files beside it: a name cannot lead elsewhere. */
function shardNames(path: string, model: object): string[] {
  const { weightsManifest } = model as { weightsManifest?: unknown };
  const groups: unknown[] = Array.isArray(weightsManifest) ? weightsManifest : [];
  const names = groups.flatMap((group) => (group as { paths?: unknown } | null)?.paths ?? []);
  const seen = new Set<string>();
  for (const name of names) {
    const place = `${path}: weightsManifest: expected names of files beside it, got`;
    if (typeof name !== "string" || !/^[^/\\]+$/.test(name) || /^\.+$/.test(name)) {
      throw new InputError(`${place} ${shown(name)}`);
    }
    // A file would be read as often as it is named.
    if (seen.has(name)) throw new InputError(`${place} ${shown(name)} twice`);
    seen.add(name);
  }
  return [...seen];
}

const readShards = (path: string, names: readonly string[]): Promise<Uint8Array[]> =>
  Promise.all(
    names.map((name) => {
      const shard = join(dirname(path), name);
      return withFile(shard, () => readFile(shard));
    }),
  );

/** A linear module, and after a colon the activation that follows it. */
function outputName(text: string): OutputName {
  const [, name = text, activation] = /^(.*):(\w+)$/.exec(text) ?? [];
  if (activation === undefined) return text;
  const known = ["softmax", "logSoftmax", ...Object.keys(ACTIVATIONS)];
  if (!known.includes(activation)) {
    const expected = `expected one of ${known.join(", ")}`;
    throw new UsageError(`--output: ${name}: activation: ${expected}, got ${activation}`);
  }
  return { name, activation: activation as ActivationName };
}

function namesOf(options: NameOptions): PytorchNames {
  const { recurrent, embedding, output, nonlinearity, input, ignoreOthers, residual, pooling } =
    options;
  const none = (name: string | undefined) => (name === "none" ? null : name);
  return {
    ...(recurrent === undefined ? {} : { recurrent: recurrent.split(",") }),
    ...(embedding === undefined ? {} : { embedding: none(embedding) }),
    ...(output === undefined ? {} : { output: none(output)?.split(",").map(outputName) ?? null }),
    ...(nonlinearity === undefined ? {} : { nonlinearity }),
    ...(input === undefined ? {} : { input }),
    ...(residual === false ? { residual } : {}),
    ...(pooling === undefined ? {} : { pooling }),
    ...(ignoreOthers ? { others: "ignore" as const } : {}),
  };
}

/** Prints on stderr what the reader of a model assumed. */
function printAssumptions(name: string, { assumptions = [] }: ModelDescription): void {
  if (assumptions.length === 0) return;
  const head = `recurra: ${printable(name)}: the file does not say, and it is assumed (recurra verify compares):`;
  const lines = assumptions.map((each) => `  ${printable(each)}\n`);
  process.stderr.write(`${head}\n${lines.join("")}`);
}

/**
 * Reads a model file of any format; without a path the model that the package ships. What is assumed of a file is printed,
 * unless the options say no.
 */
export async function openModel(
  path: string | undefined,
  options: NameOptions,
): Promise<OpenModel> {
  const name = path ?? "the model of the package";
  const place = path ?? fileURLToPath(SHIPPED);
  const bytes = await withFile(name, () => readFile(resolve(place)));
  const format = formatOf(place, bytes);
  const names = namesOf(options);
  if (format !== undefined && Object.keys(names).length > 0) {
    throw new UsageError(
      `${name}: ${Object.keys(names).join(", ")}: only for safetensors with PyTorch's names`,
    );
  }
  const description = await withFile(name, () =>
    format === undefined
      ? describeSafetensors(readSafetensors(bytes), names)
      : format.read(bytes, place),
  );
  if (!options.quiet && path !== undefined) printAssumptions(name, description);
  return { name, bytes, description };
}

/** The vocabulary in JSON: { token: id }, or a list of tokens. `name` begins the message of an error. */
export function vocabularyFrom(name: string, value: object): Map<string, number> {
  const entries: [unknown, unknown][] = Array.isArray(value)
    ? value.map((token, id) => [token, id])
    : Object.entries(value);
  const vocabulary = new Map<string, number>();
  for (const [token, id] of entries) {
    if (typeof token !== "string" || !Number.isSafeInteger(id)) {
      const found = Array.isArray(value) ? shown(token) : `${shown(token)}: ${shown(id)}`;
      throw new InputError(`${name}: expected { token: id } or a list of tokens, got ${found}`);
    }
    if (vocabulary.has(token)) throw new InputError(`${name}: ${shown(token)} occurs twice`);
    vocabulary.set(token, id as number);
  }
  return vocabulary;
}

export const readVocabulary = async (path: string): Promise<Map<string, number>> =>
  vocabularyFrom(path, parseJson(path, await withFile(path, () => readFile(path))));
