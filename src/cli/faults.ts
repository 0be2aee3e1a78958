import { EngineMemoryError, FeatureError, ModelFormatError } from "../index.js";

/** What the user gave cannot be used: the message says what, where, and what to do. */
export class InputError extends Error {
  override name = "InputError";
}

/** The command line asks for what there is not. */
export class UsageError extends Error {
  override name = "UsageError";
}

const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "expected a file, got a folder",
  ENOTDIR: "a part of the path is no folder",
  EACCES: "may not be opened: permission denied",
  EPERM: "may not be opened: permission denied",
  ENOSPC: "the disk is full",
  ENAMETOOLONG: "the name is too long",
  ERR_FS_FILE_TOO_LARGE: "the file is larger than 2 GiB",
};

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Does something with a file; what fails names it. */
export async function withFile<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(file, error);
  }
}

/** The error as one that names the file, if it is the file's fault. */
export function fileFault(file: string, error: unknown): unknown {
  const { code = "" } = error as { code?: string };
  const said = Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined;
  if (said !== undefined) return new InputError(`${file}: ${said}`);
  if (code.startsWith("CSV_") || error instanceof ModelFormatError) {
    return new InputError(`${file}: ${messageOf(error)}`);
  }
  return error;
}

/** What to print for an error: a line for the user's, all there is for one that should not happen. */
export function report(error: unknown): string {
  const known = [InputError, UsageError, ModelFormatError, EngineMemoryError, FeatureError];
  if (known.some((kind) => error instanceof kind)) return `recurra: ${messageOf(error)}\n`;
  const stack = error instanceof Error ? error.stack : undefined;
  return `recurra: this should not happen; please report it\n${stack ?? messageOf(error)}\n`;
}

/** Text that a terminal prints and does not obey, at most so long. */
export function printable(text: string, most = Number.POSITIVE_INFINITY): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) =>
    c === "\t" ? " " : `\\u{${c.codePointAt(0)?.toString(16)}}`,
  );
  const points = [...plain];
  return points.length > most ? `${points.slice(0, most - 1).join("")}…` : plain;
}
