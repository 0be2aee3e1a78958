import { EngineMemoryError, FeatureError, ModelFormatError } from "../index.js";

/** The user's input cannot be used. The message says what was expected, where, and how to mend it. */
export class InputError extends Error {
  override name = "InputError";
}

/** The command line asks for something that does not exist. */
export class UsageError extends Error {
  override name = "UsageError";
}

const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "expected a file, got a folder",
  ENOTDIR: "a part of the path is not a folder",
  ELOOP: "the path has too many symbolic links",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENAMETOOLONG: "the name is too long",
  ERR_FS_FILE_TOO_LARGE: "the file is larger than 2 GiB",
};

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Does something with a file; an error of the system names it. */
export async function withFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(file, error);
  }
}

/** How the command line calls options of the library that its messages name. */
const OPTIONS: readonly (readonly [RegExp, string])[] = [
  [/\{ residual: false \}/, "--no-residual"],
  [
    /\{ output: \[\{ name: "(.*?)", activation: "relu" \}, (?:"(.*?)"|(…))\] \}/,
    "--output $1:relu,$2$3",
  ],
  [/\{ output: "last" \}, "mean" or "max"/, "--pooling last, mean or max"],
  [/\{ output: "steps" \}, "last", "mean" or "max"/, "--pooling steps, last, mean or max"],
  [/\{ output: "steps" \}/, "--pooling steps"],
  [/others: "ignore"/, "--ignore-others"],
  [/\{ input: "([\w-]+)" \}/, "--input $1"],
];

/** A message of the library in the words of the command line. */
export const inCommandTerms = (message: string): string =>
  OPTIONS.reduce((text, [option, flag]) => text.replace(option, flag), message);

/** The error as one that names the file, if the file is at fault. */
export function fileFault(file: string, error: unknown): unknown {
  const { code = "" } = error as { code?: string };
  if (error instanceof ModelFormatError)
    return new InputError(`${file}: ${inCommandTerms(error.message)}`);
  return Object.hasOwn(SYSTEM, code) ? new InputError(`${file}: ${SYSTEM[code]}`) : error;
}

const NAMED = ["WorkerLostError", "DivergenceError", "InputError", "UsageError"];

/** Whether the command line is at fault. */
export const isUsageError = (error: unknown): boolean =>
  error instanceof Error && error.name === "UsageError";

/** The text for an error: one line for a fault of the input, the whole trace for a fault of the program. */
export function report(error: unknown): string {
  const known = [InputError, UsageError, ModelFormatError, EngineMemoryError, FeatureError];
  // By name: the pool, and the commands that train, are loaded when they are needed, and have classes of their own.
  const isNamed = error instanceof Error && NAMED.includes(error.name);
  if (isNamed || known.some((kind) => error instanceof kind))
    return `recurra: ${messageOf(error)}\n`;
  const stack = error instanceof Error ? error.stack : undefined;
  return `recurra: internal error, please report it\n${stack ?? messageOf(error)}\n`;
}

/** Text with its control characters made visible, so that it cannot steer a terminal; cut to `most` characters. */
export function printable(text: string, most = Number.POSITIVE_INFINITY): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) =>
    c === "\t" ? " " : `\\u{${c.codePointAt(0)?.toString(16)}}`,
  );
  const points = [...plain];
  return points.length > most ? `${points.slice(0, most - 1).join("")}…` : plain;
}

/** A value of a JSON file, for a message: a text or a number itself, of anything else the kind. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(printable(value.slice(0, 80), 40));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
