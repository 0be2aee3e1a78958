import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describeSafetensors, type PytorchNames, readSafetensors } from "../formats/safetensors.js";
import type { ModelDescription } from "../index.js";
import { InputError, UsageError, withFile } from "./faults.js";

/** The model that the package ships, seen from dist/cli.js. */
const SHIPPED = new URL("../models/english-characters.safetensors", import.meta.url);

/** What the user says of a PyTorch file that does not say it itself. */
export interface NameOptions {
  readonly recurrent?: string;
  readonly embedding?: string;
  readonly output?: string;
  readonly nonlinearity?: "tanh" | "relu";
  readonly ignoreOthers?: boolean;
}

export interface OpenModel {
  /** Its path, or what messages call the shipped one. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly description: ModelDescription;
}

type Read = (bytes: Uint8Array, path: string) => Promise<ModelDescription>;

/** The formats beside safetensors, each with a reader that is loaded when a file asks for it. */
const READERS: readonly { readonly name: RegExp; readonly read: Read }[] = [
  {
    name: /\.onnx$/i,
    read: async (bytes) => (await import("../formats/onnx.js")).describeOnnx(bytes),
  },
  {
    name: /\.keras$/i,
    read: async (bytes) => (await import("../formats/keras.js")).describeKeras(bytes),
  },
  {
    name: /\.json$/i,
    read: async (bytes, path) => {
      const { describeTensorflowJs } = await import("../formats/tensorflowjs.js");
      const model = parseJson(path, bytes);
      return describeTensorflowJs(model, await readShards(path, model));
    },
  },
];

const REFUSED: readonly { readonly name: RegExp; readonly why: string }[] = [
  {
    name: /\.(pt|pth|ckpt|bin|pkl)$/i,
    why: 'a pickle is a program and is not run: in Python, safetensors.torch.save_file(model.state_dict(), "model.safetensors") writes a file that is read',
  },
  {
    name: /\.(h5|hdf5)$/i,
    why: 'weights alone do not say what the network is: in Keras 3, model.save("model.keras") writes a file that does',
  },
];

/** The file's JSON. */
export function parseJson(path: string, bytes: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InputError(`${path}: expected JSON in UTF-8`);
  }
  if (typeof value === "object" && value !== null) return value;
  throw new InputError(`${path}: expected a JSON object, got ${JSON.stringify(value)}`);
}

/** The shards that a model.json names: files beside it, wherever their names would lead. */
async function readShards(path: string, model: object): Promise<Uint8Array[]> {
  const { weightsManifest } = model as { weightsManifest?: unknown };
  const groups: unknown[] = Array.isArray(weightsManifest) ? weightsManifest : [];
  const names = groups.flatMap((group) => (group as { paths?: unknown } | null)?.paths ?? []);
  return Promise.all(
    names.map((name) => {
      if (typeof name !== "string" || !/^[^/\\]+$/.test(name) || /^\.+$/.test(name)) {
        const found = JSON.stringify(name);
        throw new InputError(
          `${path}: weightsManifest: expected names of files beside it, got ${found}`,
        );
      }
      const shard = join(dirname(path), name);
      return withFile(shard, () => readFile(shard));
    }),
  );
}

function namesOf(options: NameOptions): PytorchNames {
  const { recurrent, embedding, output, nonlinearity, ignoreOthers } = options;
  const none = (name: string | undefined) => (name === "none" ? null : name);
  return {
    ...(recurrent === undefined ? {} : { recurrent: recurrent.split(",") }),
    ...(embedding === undefined ? {} : { embedding: none(embedding) }),
    ...(output === undefined ? {} : { output: none(output)?.split(",") ?? null }),
    ...(nonlinearity === undefined ? {} : { nonlinearity }),
    ...(ignoreOthers ? { others: "ignore" as const } : {}),
  };
}

/** Reads a model file of any format; without a path the model that the package ships. */
export async function openModel(
  path: string | undefined,
  options: NameOptions,
): Promise<OpenModel> {
  const name = path ?? "the model of the package";
  const place = path ?? fileURLToPath(SHIPPED);
  const refused = REFUSED.find((each) => each.name.test(place));
  if (refused !== undefined) throw new InputError(`${name}: ${refused.why}`);
  const bytes = await withFile(name, () => readFile(resolve(place)));
  const reader = READERS.find((each) => each.name.test(place));
  const names = namesOf(options);
  if (reader !== undefined && Object.keys(names).length > 0) {
    throw new UsageError(
      `${name}: ${Object.keys(names).join(", ")}: only for files with PyTorch's names`,
    );
  }
  const description = await withFile(name, () =>
    reader === undefined
      ? describeSafetensors(readSafetensors(bytes), names)
      : reader.read(bytes, place),
  );
  return { name, bytes, description };
}

/** The vocabulary in a file: JSON, { token: id } or a list of tokens. */
export async function readVocabulary(path: string): Promise<Map<string, number>> {
  const value = parseJson(path, await withFile(path, () => readFile(path)));
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((token, id) => [token, id])
    : Object.entries(value);
  const vocabulary = new Map<string, number>();
  for (const [token, id] of entries) {
    if (typeof token !== "string" || !Number.isSafeInteger(id)) {
      const found = JSON.stringify({ [String(token)]: id }).slice(0, 60);
      throw new InputError(`${path}: expected { token: id } or a list of tokens, got ${found}`);
    }
    if (vocabulary.has(token)) {
      throw new InputError(`${path}: ${JSON.stringify(token)} stands twice`);
    }
    vocabulary.set(token, id as number);
  }
  return vocabulary;
}
