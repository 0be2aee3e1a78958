import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ModelDescription } from "../../src/description/description.js";
import { readSafetensors, type SafetensorsFile } from "../../src/formats/safetensors.js";

const folder = new URL("../fixtures/torch-files/", import.meta.url);

export interface Expected {
  /** Tokens, or rows of features. */
  readonly x: number[] | number[][];
  readonly shape: [number, number];
  readonly y: number[];
}

export const fileBytes = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`${name}.safetensors`, folder)));
export const openFile = (name: string): SafetensorsFile => readSafetensors(fileBytes(name));
export const expected: Record<string, Expected> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);

/** A description with every array replaced by its shape. */
export const outline = (description: ModelDescription): unknown =>
  JSON.parse(
    JSON.stringify(description, (_, value) => {
      if (value instanceof Map) return Object.fromEntries(value);
      if (typeof value !== "object" || value === null || !("data" in value)) return value;
      return `(${value.shape})`;
    }),
  );
