/** What is wrong with a job. */
export type JobErrorCode =
  /** The command asks for something that does not exist, or that does not go together. */
  | "usage"
  /** An input cannot be read. */
  | "input"
  /** An input is no longer the file for which the plan was made. */
  | "input-changed"
  /** The model cannot be read. */
  | "model"
  /** The model is no longer the file for which the plan was made. */
  | "model-changed"
  /** The output folder belongs to another job, or a file in it is damaged. */
  | "output"
  /** Shards are not done, so that their results cannot be joined. */
  | "incomplete"
  /** The file system refuses to write: it is full, or read-only. */
  | "disk"
  /** The system fails to read or write a file for a reason that may pass. */
  | "system"
  /** Redis does not answer. */
  | "redis"
  /** Somebody cancelled the job. */
  | "cancelled"
  /** There is no such job. */
  | "not-found";

/** A job cannot go on, and its user can mend it: the message says where, what was expected, and what to do. */
export class JobError extends Error {
  override name = "JobError";
  readonly code: JobErrorCode;

  constructor(code: JobErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const SYSTEM: Readonly<Record<string, readonly [JobErrorCode, string]>> = {
  EEXIST: ["output", "there is a file in the place of a folder"],
  ENOENT: ["input", "there is no such file"],
  EISDIR: ["input", "expected a file, got a folder"],
  ENOTDIR: ["input", "a part of the path is not a folder"],
  EACCES: ["input", "permission denied"],
  EPERM: ["input", "permission denied"],
  EROFS: ["disk", "the file system is read-only"],
  ENOSPC: ["disk", "the disk is full"],
  EDQUOT: ["disk", "the disk quota is used up"],
  EFBIG: ["disk", "the file is larger than the limit of the system"],
};

/** An error of the file system as one that names the file; any other error as it is. */
export function fileFault(path: string, error: unknown): unknown {
  const { code = "", syscall } = (error ?? {}) as { code?: string; syscall?: string };
  const known = Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined;
  if (known !== undefined) return new JobError(known[0], `${path}: ${known[1]}`);
  if (syscall === undefined) return error;
  return new JobError("system", `${path}: ${(error as Error).message}`);
}

/** Does something with a file; an error of the system names it. */
export async function withFile<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(path, error);
  }
}
