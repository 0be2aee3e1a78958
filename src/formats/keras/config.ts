import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { describe } from "../../tensor.js";

const MAX_SHOWN = 40;

/** A value of the file in the words of a message. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  try {
    return JSON.stringify(value)?.slice(0, MAX_SHOWN) ?? describe(value);
  } catch {
    // Nested too deeply to be printed.
    return describe(value);
  }
}

/** An object of a model's JSON, which says where it stands when something in it is wrong. */
export class Config {
  readonly #where: string;
  /** The layer that this speaks of, in quotes; empty above the layers. */
  readonly layer: string;
  readonly #path: string;
  readonly #fields: object;

  constructor(where: string, layer: string, path: string, fields: unknown) {
    this.#where = where;
    this.layer = layer;
    this.#path = path;
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      this.#fields = {};
      this.fail("config", `expected an object, got ${shown(fields)}`);
    }
    this.#fields = fields;
  }

  fail(code: ModelFormatCode, what: string, key = "", tensor?: string): never {
    const path = [this.#path, key].filter((part) => part !== "").join(".");
    const place = [this.#where, this.layer, path].filter((part) => part !== "").join(": ");
    throw new ModelFormatError(code, `${place}: ${what}`, tensor);
  }

  /** Whether the file says anything under a key, be it null. */
  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  /** A field of its own, never one that all objects have; undefined also where it is null. */
  get(key: string): unknown {
    return this.has(key)
      ? ((this.#fields as Record<string, unknown>)[key] ?? undefined)
      : undefined;
  }

  #expected(key: string, expected: string): never {
    return this.fail("config", `expected ${expected}, got ${shown(this.get(key))}`, key);
  }

  text(key: string): string {
    const value = this.get(key);
    return typeof value === "string" ? value : this.#expected(key, "a string");
  }

  /** A boolean; `absent` where there is none, or throws. */
  flag(key: string, absent?: boolean): boolean {
    const value = this.get(key) ?? absent;
    return typeof value === "boolean" ? value : this.#expected(key, "true or false");
  }

  /** An integer ≥ 1. */
  size(key: string): number {
    const value = this.get(key);
    const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
    return fits ? value : this.#expected(key, "an integer ≥ 1");
  }

  list(key: string): readonly unknown[] {
    const value = this.get(key);
    return Array.isArray(value) ? value : this.#expected(key, "an array");
  }

  /** An object within this one. */
  child(key: string): Config {
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new Config(this.#where, this.layer, path, this.get(key));
  }

  /** The object of a layer, whose name all messages about it begin with. */
  of(layer: string, fields: unknown): Config {
    return new Config(this.#where, JSON.stringify(layer.slice(0, 64)), "", fields);
  }

  /** Throws: the file asks for what cannot be done as it asks. */
  refuse(key: string, why: string): never {
    const found = shown(this.get(key));
    return this.fail("unsupported-setting", `${found} cannot be honoured: ${why}`, key);
  }
}

/** The object that a JSON text is. */
export function parseConfig(where: string, name: string, text: string): Config {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 100) : "";
    throw new ModelFormatError("json", `${where}: ${name}: expected JSON: ${why}`);
  }
  return new Config(where, "", name, value);
}
