import { checkReadOptions, type ReadOptions } from "../options.js";

export interface KerasOptions extends ReadOptions {
  /**
   * Whether `Masking` and `mask_zero`, which make a layer skip padded steps, are an error. Pass `"ragged"` if your sequences
   * have no padding: then there is nothing to skip. Default: `"refuse"`.
   */
  masking?: "refuse" | "ragged" | undefined;
}

/** The options with their defaults. @throws {TypeError} for an option of the wrong kind */
export function checkOptions(where: string, options: KerasOptions) {
  const checked = checkReadOptions(where, options);
  const { masking = "refuse" } = options;
  if (masking !== "refuse" && masking !== "ragged") {
    throw new TypeError(`${where}: masking: expected "refuse" or "ragged", got ${String(masking)}`);
  }
  return { ...checked, ragged: masking === "ragged" };
}
