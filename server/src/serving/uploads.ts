import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Problem } from "../problem.js";
import { folderSettings, MODEL_ENDINGS } from "./folder.js";
import { checkModelName, type Registry } from "./registry.js";
import type { ModelVersion } from "./version.js";

const BRACE = 0x7b;

/** The ending of a model's file, by its first bytes. */
const endingOf = (bytes: Buffer): string =>
  bytes[7] === 0 && bytes[8] === BRACE ? "safetensors" : "onnx";

/**
 * Models that come by upload. With a folder of models a file that was accepted becomes one of it, so that it is there after a
 * restart; without one, uploads end with the process.
 */
export class Uploads {
  readonly #registry: Registry;
  readonly #folder: string | undefined;
  /** Without a folder: where the files are, made by the first upload, and the file of each model. */
  #temporary: Promise<string> | undefined;
  readonly #files = new Map<string, string>();
  /** Uploads of one model follow each other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(registry: Registry, folder: string | undefined) {
    this.#registry = registry;
    this.#folder = folder;
  }

  /**
   * Loads a version from the bytes of its file.
   *
   * @param hash the SHA-256 that the bytes must have, in hex
   * @throws a `Problem` as `Registry.load`, or if the folder has the model in another format: nothing is changed then
   */
  load(name: string, bytes: Buffer, hash: string | undefined): Promise<ModelVersion> {
    checkModelName(name);
    const loading = (this.#turns.get(name) ?? Promise.resolve()).then(() =>
      this.#load(name, bytes, hash),
    );
    const turn = loading
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(name) === turn) this.#turns.delete(name);
      });
    this.#turns.set(name, turn);
    return loading;
  }

  async #load(name: string, bytes: Buffer, hash: string | undefined): Promise<ModelVersion> {
    const ending = endingOf(bytes);
    await this.#checkOther(name, ending);
    const file = await this.#write(`${name}-${randomUUID()}.${ending}`, bytes);
    try {
      const settings = await this.#settings(name);
      const version = await this.#registry.load(name, { ...settings, file }, hash);
      if (this.#folder === undefined) await this.#replace(name, file);
      else {
        const place = join(this.#folder, `${name}.${ending}`);
        await rename(file, place);
        // The same file: only its place is new.
        await this.#registry.load(name, { ...settings, file: place });
      }
      return version;
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  /** Takes a model out of service, and out of the folder. */
  async remove(name: string): Promise<void> {
    this.#registry.remove(name);
    const uploaded = this.#files.get(name);
    this.#files.delete(name);
    const inFolder =
      this.#folder === undefined ? [] : MODEL_ENDINGS.map((ending) => `${name}.${ending}`);
    const files = inFolder.map((each) => join(this.#folder as string, each));
    if (uploaded !== undefined) files.push(uploaded);
    await Promise.all(files.map((each) => rm(each, { force: true })));
  }

  async close(): Promise<void> {
    if (this.#temporary !== undefined) await rm(await this.#temporary, { recursive: true });
  }

  /** A model in two formats in one folder would be a different one after each start. */
  async #checkOther(name: string, ending: string): Promise<void> {
    if (this.#folder === undefined) return;
    const others = MODEL_ENDINGS.filter((each) => each !== ending).map((each) => `${name}.${each}`);
    for (const other of [...others, join(name, "model.json")]) {
      const found = await stat(join(this.#folder, other)).catch(() => undefined);
      if (found === undefined) continue;
      throw new Problem(
        "invalid-request",
        `model: ${name}: the folder has it as ${other}: DELETE it first, or choose another name`,
      );
    }
  }

  /** The settings of a model: those beside the file in the folder, or those of the version that serves. */
  async #settings(name: string): Promise<object> {
    if (this.#folder !== undefined) return folderSettings(this.#folder, name);
    const { sha256: _, selfTest, ...settings } = this.#registry.settingsOf(name) ?? {};
    // The hash and the score are those of another file; what its inputs have to be is not.
    const { logProb: __, ...kept } = selfTest ?? {};
    return Object.keys(kept).length === 0 ? settings : { ...settings, selfTest: kept };
  }

  /** Writes a file that nobody reads by half. */
  async #write(name: string, bytes: Buffer): Promise<string> {
    let folder: string;
    if (this.#folder === undefined) {
      this.#temporary ??= mkdtemp(join(tmpdir(), "recurra-server-"));
      folder = await this.#temporary;
    } else {
      // The watcher passes over names that begin with a dot.
      folder = join(this.#folder, ".uploads");
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const path = join(folder, name);
    await writeFile(path, bytes, { mode: 0o600 });
    return path;
  }

  async #replace(name: string, file: string): Promise<void> {
    const before = this.#files.get(name);
    this.#files.set(name, file);
    if (before !== undefined) await rm(before, { force: true });
  }
}
