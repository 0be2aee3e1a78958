import type { ModelDescription, StoredNumbers } from "../../description/description.js";
import { ModelFormatError } from "../../description/format_error.js";
import type { OptionNames } from "../../options.js";
import { checkObject } from "../../tensor.js";
import { decodeUtf8 } from "../../utf8.js";
import { type Bytes, bytesOf } from "../bytes.js";
import { checkFinite } from "../finite.js";
import { Hdf5File, isHdf5 } from "../hdf5/file.js";
import { hardSigmoidOf } from "./activations.js";
import { Config, parseConfig } from "./config.js";
import { readModel } from "./model.js";
import { checkKerasOptions, KERAS_OPTIONS, type KerasOptions } from "./options.js";
import { pathOf, Weights } from "./weights.js";
import { ZipArchive } from "./zip.js";

const where = "describeKeras";
const CONFIG = "config.json";
const METADATA = "metadata.json";
const WEIGHTS = "model.weights.h5";
/**
 * Bytes of JSON that an archive may hold: a layer's config takes 1 to 4 kB. Parsed JSON takes up to 24 times the memory of
 * its text, so the limit falls with `maximumBytes`, but not below the needs of a small model.
 */
const jsonLimit = (maximumBytes: number): number =>
  Math.max(2 ** 16, Math.min(2 ** 24, maximumBytes / 16));

/** Keras 2.12's name of the group `layers`. */
const OLD_ROOT = "_layer_checkpoint_dependencies";

/** Options of {@link describeKeras}. */
export interface DescribeKerasOptions extends KerasOptions {
  /** For a `.weights.h5` file: the result of `model.to_json()`, as text or parsed. */
  config?: string | object | undefined;
  /** For a `.weights.h5` file: the version of Keras that wrote it. Needed if the model has a hard sigmoid. */
  kerasVersion?: string | undefined;
}

const OPTIONS: OptionNames<DescribeKerasOptions> = {
  ...KERAS_OPTIONS,
  config: true,
  kerasVersion: true,
};

/** A model's config, its metadata, and the HDF5 file of its weights. */
interface Parts {
  readonly model: Config;
  readonly metadata: Map<string, string>;
  readonly file: Uint8Array;
}

function openArchive(bytes: Uint8Array, maximumBytes: number): Parts {
  const archive = new ZipArchive(where, bytes);
  const needed = (name: string, limit: number): Uint8Array => {
    const found = archive.read(name, limit);
    if (found !== undefined) return found;
    const held = archive.names.slice(0, 8).join(", ").slice(0, 200);
    const message = `${where}: expected ${name} in the archive, which holds ${held}`;
    throw new ModelFormatError("missing-file", message);
  };
  const json = (name: string, file: Uint8Array): Config => {
    try {
      return parseConfig(where, name, decodeUtf8(file, { fatal: true }));
    } catch (error) {
      if (error instanceof ModelFormatError) throw error;
      throw new ModelFormatError("json", `${where}: ${name}: expected UTF-8, got other bytes`);
    }
  };
  const limit = jsonLimit(maximumBytes);
  const model = json(CONFIG, needed(CONFIG, limit));
  const about = archive.read(METADATA, limit);
  const metadata = new Map<string, string>();
  if (about !== undefined) {
    const file = json(METADATA, about);
    for (const key of ["keras_version", "date_saved"]) {
      if (file.get(key) !== undefined) metadata.set(key, file.text(key));
    }
  }
  return { model, metadata, file: needed(WEIGHTS, maximumBytes) };
}

function withConfig(bytes: Uint8Array, { config, kerasVersion }: DescribeKerasOptions): Parts {
  const metadata = new Map<string, string>();
  if (kerasVersion !== undefined) metadata.set("keras_version", kerasVersion);
  const model =
    typeof config === "string"
      ? parseConfig(where, "config", config)
      : new Config(where, "", "config", config);
  return { model, metadata, file: bytes };
}

/**
 * Describes the network of a `.keras` file of Keras 3: Sequential or linear Functional, with Embedding, SimpleRNN, LSTM, GRU,
 * Bidirectional and Dense layers. Weights have PyTorch's names and their stored precision: F64 is a `Float64Array`, the rest
 * is a `Float32Array`. A setting that is not supported is an error that names it and its layer.
 *
 * @param file the archive, or a `.weights.h5` file with `config`
 * @throws {TypeError} if an argument is of the wrong kind
 * @throws {ModelFormatError} if the file breaks a rule (docs/formats.md); `tensor` is the dataset at fault
 */
export function describeKeras(file: Bytes, options: DescribeKerasOptions = {}): ModelDescription {
  const bytes = bytesOf(where, "file", file);
  const { nonFinite, maximumBytes, ragged } = checkKerasOptions(where, options, OPTIONS);
  const { config, kerasVersion } = options;
  if (config !== undefined && typeof config !== "string") checkObject(where, "config", config);
  if (kerasVersion !== undefined && typeof kerasVersion !== "string") {
    throw new TypeError(`${where}: kerasVersion: expected a string, got ${typeof kerasVersion}`);
  }
  if (config === undefined && isHdf5(bytes)) {
    const expected = "expected options.config beside the weights of a .weights.h5 file";
    throw new ModelFormatError("missing-file", `${where}: ${expected}`);
  }
  const parts =
    config === undefined ? openArchive(bytes, maximumBytes) : withConfig(bytes, options);
  const hdf5 = new Hdf5File(where, parts.file, maximumBytes);
  const root = !hdf5.hasGroup("layers") && hdf5.hasGroup(OLD_ROOT) ? OLD_ROOT : "layers";
  const weights = new Weights({
    nameOf: (variable) => pathOf(variable, root),
    find: (variable) => {
      const name = pathOf(variable, root);
      const dataset = hdf5.dataset(name);
      if (dataset === undefined) return undefined;
      const read = (): StoredNumbers["data"] => {
        const data = dataset.read();
        if (nonFinite === "reject") checkFinite(where, name, data);
        return data;
      };
      return { name, shape: dataset.shape, identity: dataset, read };
    },
  });
  const { model, metadata } = parts;
  const hardSigmoid = hardSigmoidOf(metadata.get("keras_version") ?? "");
  return readModel(model, "keras", { weights, hardSigmoid, ragged }, metadata);
}
