import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { watch } from "chokidar";
import type { Logger } from "pino";
import { checkModelSettings, type ModelSettings } from "../settings.js";
import { MODEL_NAME, type Registry } from "./registry.js";

/** Milliseconds for which a file must not grow before it is read: it may still be copied. */
const SETTLE = 300;
/** Milliseconds after which a model whose file is gone is taken out of service, unless the file is there again. */
const GRACE = 2000;

/** The endings of models that are one file. */
export const MODEL_ENDINGS = ["safetensors", "onnx", "keras"] as const;
const ENDING = new RegExp(`\\.(${MODEL_ENDINGS.join("|")})$`, "i");

/** The model of a path in the folder: `NAME.safetensors`, `NAME.onnx`, `NAME.keras`, or `NAME/model.json`. */
function nameOf(folder: string, path: string): string | undefined {
  const inside = relative(folder, path);
  if (/^[^/\\]+[/\\]model\.json$/.test(inside)) return checked(dirname(inside));
  if (/[/\\]/.test(inside) || !ENDING.test(inside)) return undefined;
  return checked(basename(inside, extname(inside)));
}

const checked = (name: string): string | undefined => (MODEL_NAME.test(name) ? name : undefined);

/** What `NAME.settings.json` in a folder says of a model, without its file. */
export async function folderSettings(
  folder: string,
  name: string,
): Promise<Omit<ModelSettings, "file">> {
  const text = await readFile(join(folder, `${name}.settings.json`), "utf8").catch(() => "{}");
  const { file: _, ...settings } = checkModelSettings(name, { ...JSON.parse(text), file: name });
  return settings;
}

/** Serves the models of a folder: a file that is written anew becomes a new version, one that is gone ends its model. */
export class ModelFolder {
  readonly #folder: string;
  readonly #registry: Registry;
  readonly #log: Pick<Logger, "error">;
  readonly #watcher: ReturnType<typeof watch>;
  readonly #ending = new Map<string, NodeJS.Timeout>();
  /** The loads that the first look at the folder began. */
  readonly #first: Promise<unknown>[] = [];
  readonly #ready: Promise<void>;
  #isOpen = false;

  constructor(folder: string, registry: Registry, log: Pick<Logger, "error">) {
    this.#folder = folder;
    this.#registry = registry;
    this.#log = log;
    this.#watcher = watch(folder, {
      depth: 1,
      awaitWriteFinish: { stabilityThreshold: SETTLE, pollInterval: 50 },
      // Uploads, editors and rsync write names that begin with a dot.
      ignored: (path) => /[/\\]\.[^/\\]*$/.test(relative(dirname(folder), path)),
    });
    this.#watcher.on("add", (path) => this.#load(path));
    this.#watcher.on("change", (path) => this.#load(path));
    this.#watcher.on("unlink", (path) => this.#end(path));
    this.#watcher.on("error", (error) =>
      log.error({ err: error }, "the folder of models cannot be watched"),
    );
    this.#ready = new Promise((resolve) => this.#watcher.once("ready", resolve));
  }

  /** Resolves when what is in the folder now was loaded or refused. */
  async opened(): Promise<void> {
    await this.#ready;
    this.#isOpen = true;
    await Promise.allSettled(this.#first.splice(0));
  }

  #load(path: string): void {
    const name = nameOf(this.#folder, path);
    if (name === undefined) return;
    clearTimeout(this.#ending.get(name));
    this.#ending.delete(name);
    const load = this.#settings(name, path).then((settings) => this.#registry.load(name, settings));
    // The registry has written it to the log.
    load.catch(() => undefined);
    if (!this.#isOpen) this.#first.push(load);
  }

  async #settings(name: string, file: string): Promise<ModelSettings> {
    try {
      return { ...(await folderSettings(this.#folder, name)), file };
    } catch (error) {
      this.#log.error({ err: error, model: name }, "settings of a model refused");
      throw error;
    }
  }

  #end(path: string): void {
    const name = nameOf(this.#folder, path);
    if (name === undefined) return;
    clearTimeout(this.#ending.get(name));
    const timer = setTimeout(() => {
      this.#ending.delete(name);
      if (this.#registry.names.includes(name)) this.#registry.remove(name);
    }, GRACE).unref();
    this.#ending.set(name, timer);
  }

  async close(): Promise<void> {
    for (const timer of this.#ending.values()) clearTimeout(timer);
    await this.#watcher.close();
  }
}
