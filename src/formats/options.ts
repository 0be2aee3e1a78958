import { checkOptions, type OptionNames } from "../options.js";

/** The options that all readers share. */
export interface ReadOptions {
  /** Whether NaN and ±∞ among the weights are an error. Default: `"reject"`. */
  nonFinite?: "reject" | "allow" | undefined;
  /** Bytes that the file's tensors may take in all, as read. Default: 2³¹; pass 2²⁶ for files of strangers (SECURITY.md). */
  maximumBytes?: number | undefined;
}

export const READ_OPTIONS: OptionNames<ReadOptions> = { nonFinite: true, maximumBytes: true };

/**
 * The options that all readers share, with their defaults.
 *
 * @param known the names of the reader's options
 * @throws {TypeError} for an option that is unknown or of the wrong kind
 */
export function checkReadOptions<O extends ReadOptions>(
  where: string,
  options: O,
  known: OptionNames<O>,
) {
  checkOptions(where, options, known);
  const { nonFinite = "reject", maximumBytes = 2 ** 31 } = options;
  if (nonFinite !== "reject" && nonFinite !== "allow") {
    throw new TypeError(
      `${where}: nonFinite: expected "reject" or "allow", got ${String(nonFinite)}`,
    );
  }
  if (typeof maximumBytes !== "number" || !(maximumBytes >= 0)) {
    throw new TypeError(
      `${where}: maximumBytes: expected a number ≥ 0, got ${String(maximumBytes)}`,
    );
  }
  return { nonFinite, maximumBytes };
}
