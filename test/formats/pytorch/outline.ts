import type { ModelDescription } from "../../../src/description/description.js";

/** A description with every array replaced by its shape. */
export const outline = (description: ModelDescription): unknown =>
  JSON.parse(
    JSON.stringify(description, (_, value) => {
      if (value instanceof Map) return Object.fromEntries(value);
      if (typeof value !== "object" || value === null || !("data" in value)) return value;
      return `(${value.shape})`;
    }),
  );
