import { type ModelFormatCode, ModelFormatError } from "../../description/format_error.js";
import { describe } from "../../tensor.js";

const MAX_SHOWN = 40;

/** A value of the file, for a message. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  try {
    return JSON.stringify(value)?.slice(0, MAX_SHOWN) ?? describe(value);
  } catch {
    // Nested too deeply to be printed.
    return describe(value);
  }
}

/** An object of a model's JSON. Its errors name the layer and the path of the field. */
export class Config {
  readonly #where: string;
  /** The layer that the object belongs to, in quotes; empty above the layers. */
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

  /** Whether the object has a field, which may be null. */
  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  /** The value of an own field; undefined for null, and for properties that every object has. */
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

  /** A boolean. If the field is absent: `absent`, or an error without it. */
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

  /** The object in a field. */
  child(key: string): Config {
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new Config(this.#where, this.layer, path, this.get(key));
  }

  /** The object of a layer. All errors about it begin with the layer's name. */
  of(layer: string, fields: unknown): Config {
    return new Config(this.#where, JSON.stringify(layer.slice(0, 64)), "", fields);
  }

  /** Throws: a setting of the file is not supported. */
  refuse(key: string, why: string): never {
    const found = shown(this.get(key));
    return this.fail("unsupported-setting", `${found} is not supported: ${why}`, key);
  }
}

/** Parses the text of a JSON object. */
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
