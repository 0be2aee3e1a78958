import { checkObject } from "../tensor.js";

/** The options that all readers share. */
export interface ReadOptions {
  /** Whether NaN and ±∞ among the weights are an error. Default: `"reject"`. */
  nonFinite?: "reject" | "allow" | undefined;
  /** Bytes that the file's tensors may take in all, as read. Default: 2³¹. */
  maximumBytes?: number | undefined;
}

/** The options with their defaults. @throws {TypeError} for an option of the wrong kind */
export function checkReadOptions(where: string, options: ReadOptions) {
  checkObject(where, "options", options);
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
