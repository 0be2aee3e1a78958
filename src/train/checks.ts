import { describe } from "../tensor.js";

/** A value in the words of an error message. */
export const shown = (value: unknown): string =>
  typeof value === "object"
    ? describe(value)
    : typeof value === "string"
      ? JSON.stringify(value)
      : String(value);

/** Bounds of a number. */
interface Bounds {
  readonly least?: number;
  readonly most?: number;
  /** Whether `least`, or `most`, itself is out of bounds. */
  readonly above?: boolean;
  readonly below?: boolean;
}

/** Throws unless `value` is a finite number within bounds: a `TypeError` for another kind, else a `RangeError`. */
export function checkNumber(
  where: string,
  value: unknown,
  { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, above, below }: Bounds,
): asserts value is number {
  if (typeof value !== "number")
    throw new TypeError(`${where}: expected a number, got ${shown(value)}`);
  const isLow = above ? value <= least : value < least;
  const isHigh = below ? value >= most : value > most;
  if (Number.isFinite(value) && !isLow && !isHigh) return;
  const from = above ? `above ${least}` : `at least ${least}`;
  const to = below ? `below ${most}` : `at most ${most}`;
  const parts = [
    ...(least === Number.NEGATIVE_INFINITY ? [] : [from]),
    ...(most === Number.POSITIVE_INFINITY ? [] : [to]),
  ];
  const expected =
    parts.length === 0 ? "a finite number" : `a finite number ${parts.join(" and ")}`;
  throw new RangeError(`${where}: expected ${expected}, got ${value}`);
}

/** Throws a `RangeError` unless `value` is an integer of at least `least`. */
export function checkInteger(
  where: string,
  value: unknown,
  least: number,
): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new RangeError(`${where}: expected an integer ≥ ${least}, got ${shown(value)}`);
}

/** Throws a `TypeError` unless `value` is absent or one of `words`. */
export function checkWord(where: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || words.includes(value as string)) return;
  const expected = words.map((word) => JSON.stringify(word)).join(", ");
  throw new TypeError(`${where}: expected one of ${expected}, got ${shown(value)}`);
}

/** Throws a `TypeError` unless `value` is absent or a boolean. */
export function checkFlag(where: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new TypeError(`${where}: expected true or false, got ${shown(value)}`);
}

/** Runs a check of another room, whose messages begin with its own function, under the caller's place. */
export function within<R>(where: string, other: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith(`${other}: `)) {
      error.message = `${where}: ${error.message.slice(other.length + 2)}`;
    }
    throw error;
  }
}
