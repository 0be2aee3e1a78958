import type { StoredNumbers } from "../../description/description.js";
import { ModelFormatError } from "../../description/format_error.js";
import { checkObject, describe } from "../../tensor.js";

export interface KerasOptions {
  /** What to do about NaN and ±∞ among the weights. Default: `"reject"`. */
  nonFinite?: "reject" | "allow" | undefined;
  /** Bytes that the weights may take in all, as read. Default: 2³¹. */
  maximumBytes?: number | undefined;
  /**
   * What to do about `Masking` and `mask_zero`, which make a layer pass over padding. `"ragged"`: sequences come without
   * padding, and no step of theirs is to be passed over. Default: `"refuse"`.
   */
  masking?: "refuse" | "ragged" | undefined;
}

/** The options with what is left out, once they are of the right kinds. */
export function checkOptions(where: string, options: KerasOptions) {
  checkObject(where, "options", options);
  const { nonFinite = "reject", maximumBytes = 2 ** 31, masking = "refuse" } = options;
  if (nonFinite !== "reject" && nonFinite !== "allow") {
    throw new TypeError(
      `${where}: nonFinite: expected "reject" or "allow", got ${String(nonFinite)}`,
    );
  }
  if (masking !== "refuse" && masking !== "ragged") {
    throw new TypeError(`${where}: masking: expected "refuse" or "ragged", got ${String(masking)}`);
  }
  if (typeof maximumBytes !== "number" || !(maximumBytes >= 0)) {
    throw new TypeError(
      `${where}: maximumBytes: expected a number ≥ 0, got ${String(maximumBytes)}`,
    );
  }
  return { nonFinite, maximumBytes, ragged: masking === "ragged" };
}

export type Bytes = Uint8Array | ArrayBuffer;

export const isBytes = (value: unknown): value is Bytes =>
  value instanceof Uint8Array || value instanceof ArrayBuffer;

/** The bytes of an argument; throws a `TypeError` if it has none. */
export function bytesOf(where: string, name: string, value: Bytes): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof Uint8Array) return value;
  throw new TypeError(
    `${where}: ${name}: expected Uint8Array or ArrayBuffer, got ${describe(value)}`,
  );
}

/** Throws at the first number that is none. */
export function checkFinite(where: string, name: string, { data }: StoredNumbers): void {
  const i = data.findIndex((value) => !Number.isFinite(value));
  if (i < 0) return;
  const allow = 'nonFinite: "allow" lets it pass';
  const what = `element ${i}: expected a finite number, got ${data[i]} (${allow})`;
  throw new ModelFormatError("not-finite", `${where}: ${JSON.stringify(name)}: ${what}`, name);
}
