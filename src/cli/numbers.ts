import { printable, UsageError } from "./faults.js";

/** Bounds of a number of the command line. */
interface Bounds {
  readonly least: number;
  readonly most?: number;
}

function parsed(option: string, text: string, kind: string, { least, most }: Bounds): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isWhole = kind === "a number" || Number.isSafeInteger(value);
  if (isWhole && Number.isFinite(value) && value >= least && !(value > (most ?? value)))
    return value;
  const range = most === undefined ? `≥ ${least}` : `from ${least} to ${most}`;
  throw new UsageError(
    `${option}: expected ${kind} ${range}, got ${JSON.stringify(printable(text, 40))}`,
  );
}

/** Reads the whole number of an option. */
export const whole =
  (option: string, least: number, most?: number) =>
  (text: string): number =>
    parsed(option, text, "a whole number", most === undefined ? { least } : { least, most });

/** Reads the number of an option. */
export const real =
  (option: string, least: number, most?: number) =>
  (text: string): number =>
    parsed(option, text, "a number", most === undefined ? { least } : { least, most });
