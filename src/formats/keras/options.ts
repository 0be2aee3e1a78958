import type { OptionNames } from "../../options.js";
import { checkReadOptions, READ_OPTIONS, type ReadOptions } from "../options.js";

/** Options that the readers of Keras and TensorFlow.js share. */
export interface KerasOptions extends ReadOptions {
  /**
   * Whether `Masking` and `mask_zero`, which make a layer skip padded steps, are an error. Pass `"ragged"` if your sequences
   * have no padding: then there is nothing to skip. Default: `"refuse"`.
   */
  masking?: "refuse" | "ragged" | undefined;
}

export const KERAS_OPTIONS: OptionNames<KerasOptions> = { ...READ_OPTIONS, masking: true };

/**
 * The options with their defaults.
 *
 * @param known the names of the reader's options
 * @throws {TypeError} for an option that is unknown or of the wrong kind
 */
export function checkKerasOptions<O extends KerasOptions>(
  where: string,
  options: O,
  known: OptionNames<O>,
) {
  const checked = checkReadOptions(where, options, known);
  const { masking = "refuse" } = options;
  if (masking !== "refuse" && masking !== "ragged") {
    throw new TypeError(`${where}: masking: expected "refuse" or "ragged", got ${String(masking)}`);
  }
  return { ...checked, ragged: masking === "ragged" };
}
