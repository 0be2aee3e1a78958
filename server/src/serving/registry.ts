import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { Problem } from "../problem.js";
import type { ModelSettings, Settings } from "../settings.js";
import { type BatchEvents, Batcher } from "./batcher.js";
import { type ModelFile, readModelFile } from "./model_file.js";
import { openBackend } from "./open_backend.js";
import { selfTest } from "./self_test.js";
import { ModelVersion } from "./version.js";

/** A model by its name, with the version that takes requests. */
interface Entry {
  readonly name: string;
  settings: ModelSettings;
  current: ModelVersion | undefined;
  /** Loads of one model follow each other. */
  loading: Promise<unknown>;
  /** Loads that wait or run. */
  pending: number;
  count: number;
  isRemoved: boolean;
}

/** A name of a model: it is part of addresses, and of the names of files. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** @throws a `Problem` of code `invalid-request` unless a model may have the name */
export function checkModelName(name: string): void {
  if (MODEL_NAME.test(name)) return;
  const form =
    "a letter or digit, then letters, digits, dots, hyphens and underscores, 128 at most";
  const got = JSON.stringify(name.slice(0, 200));
  throw new Problem("invalid-request", `model: ${got}: expected ${form}`);
}

/** What of the registry is watched from outside. */
export interface RegistryEvents {
  batches(model: string): BatchEvents;
  loaded(version: ModelVersion): void;
  refused(name: string, error: unknown): void;
  closed(version: ModelVersion): void;
}

/** The models that are served. */
export class Registry {
  readonly #entries = new Map<string, Entry>();
  /** Every version that is loaded, those that are ending among them. */
  readonly #loaded = new Set<ModelVersion>();
  readonly #settings: Settings;
  readonly #events: RegistryEvents;
  readonly #log: Pick<Logger, "info" | "error">;
  #isClosed = false;

  constructor(settings: Settings, events: RegistryEvents, log: Pick<Logger, "info" | "error">) {
    this.#settings = settings;
    this.#events = events;
    this.#log = log;
  }

  /** The names of the models, in order. */
  get names(): string[] {
    return [...this.#entries.values()]
      .filter(({ current }) => current !== undefined)
      .map(({ name }) => name)
      .sort();
  }

  /** Every version that is loaded, those that are ending among them. */
  get versions(): ModelVersion[] {
    return [...this.#loaded];
  }

  /** Whether at least one worker of every model that is served is ready. */
  get isReady(): boolean {
    const served = this.names.map((name) => this.get(name));
    return !this.#isClosed && served.every(({ backend }) => backend.stats().ready > 0);
  }

  /** The version that takes requests, or that of a number. @throws a `Problem` of code `model-not-found` */
  get(name: string, number?: string): ModelVersion {
    const entry = this.#entries.get(name);
    const found =
      number === undefined
        ? entry?.current
        : this.versions.find((each) => each.name === name && String(each.number) === number);
    if (found !== undefined) return found;
    const version = number === undefined ? "" : `, version ${number}`;
    const known = this.names.join(", ") || "none";
    throw new Problem(
      "model-not-found",
      `model: ${JSON.stringify(name)}${version}: served are: ${known}`,
    );
  }

  /** The settings with which a model was loaded. */
  settingsOf(name: string): ModelSettings | undefined {
    return this.#entries.get(name)?.settings;
  }

  /** The only model, for requests that name none. */
  only(): ModelVersion {
    const [name, ...others] = this.names;
    if (name !== undefined && others.length === 0) return this.get(name);
    throw new Problem(
      "invalid-request",
      `model: expected one of ${this.names.join(", ") || "none"}`,
    );
  }

  /**
   * Loads a version beside the one that serves, checks it, and lets it take over. A file with the hash of the version that
   * serves is not loaded again.
   *
   * @returns the version that serves afterwards
   * @throws a `Problem` of code `invalid-model`: nothing is changed then
   */
  load(name: string, settings: ModelSettings, expected?: string): Promise<ModelVersion> {
    checkModelName(name);
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = {
        name,
        settings,
        current: undefined,
        loading: Promise.resolve(),
        pending: 0,
        count: 0,
        isRemoved: false,
      };
      this.#entries.set(name, entry);
    }
    const to = entry;
    to.pending++;
    const loading = to.loading.then(() => this.#load(to, settings, expected));
    to.loading = loading.catch(() => undefined);
    return loading;
  }

  async #load(
    entry: Entry,
    settings: ModelSettings,
    expected: string | undefined,
  ): Promise<ModelVersion> {
    const { name } = entry;
    try {
      const file = await readModelFile(settings.file, settings.kind);
      const wanted = expected ?? settings.sha256;
      if (wanted !== undefined && wanted !== file.hash) {
        throw new Problem(
          "invalid-model",
          `${name}: SHA-256: expected ${wanted}, got ${file.hash}`,
        );
      }
      const { current } = entry;
      if (current?.hash === file.hash && isAlike(entry.settings, settings)) {
        entry.settings = settings;
        return current;
      }
      const version = await this.#open(entry, file, settings);
      if (entry.isRemoved) {
        version.retire();
        throw new Problem("model-not-found", `model: ${name}: it was removed while it was loaded`);
      }
      entry.current = version;
      entry.settings = settings;
      this.#log.info({ model: name, version: version.number, sha256: file.hash }, "model loaded");
      this.#events.loaded(version);
      current?.retire();
      return version;
    } catch (error) {
      this.#log.error({ model: name, err: error }, "model refused");
      this.#events.refused(name, error);
      throw error;
    } finally {
      entry.pending--;
      const isUnused = entry.current === undefined && entry.pending === 0;
      if (isUnused && !entry.isRemoved) this.#entries.delete(name);
    }
  }

  async #open(entry: Entry, file: ModelFile, settings: ModelSettings): Promise<ModelVersion> {
    const backend = await openBackend(file, settings, this.#settings);
    try {
      await selfTest(entry.name, backend, settings);
      if (this.#isClosed) throw new Problem("not-ready", "the server is ending");
    } catch (error) {
      await backend.close({ drain: false });
      throw error;
    }
    const events = this.#events.batches(entry.name);
    const batcher = new Batcher(backend, this.#settings, events);
    const version = new ModelVersion({
      name: entry.name,
      number: ++entry.count,
      hash: file.hash,
      backend,
      batcher,
      events,
    });
    this.#keep(version);
    return version;
  }

  #keep(version: ModelVersion): void {
    this.#loaded.add(version);
    void version.closed.then(() => {
      this.#loaded.delete(version);
      this.#log.info({ model: version.name, version: version.number }, "model closed");
      this.#events.closed(version);
    });
  }

  /** Reads the files of all models again. Those that cannot be loaded are refused; the versions that serve stay. */
  async reload(): Promise<void> {
    const entries = [...this.#entries.values()];
    await Promise.allSettled(entries.map(({ name, settings }) => this.load(name, settings)));
  }

  /** Takes a model out of service; running requests and live streams end on it. */
  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry?.current === undefined)
      throw new Problem("model-not-found", `model: ${JSON.stringify(name)}`);
    this.#entries.delete(name);
    entry.isRemoved = true;
    entry.current.retire();
  }

  /** Ends all workers. @param drain whether open calls are finished first */
  async close(drain: boolean): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.versions.map((version) => version.close(drain)));
  }
}

/** Whether settings differ in nothing but where the file is. */
const isAlike = (a: ModelSettings, b: ModelSettings): boolean =>
  isDeepStrictEqual({ ...a, file: "" }, { ...b, file: "" });
