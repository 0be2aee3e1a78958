import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The file behind a path that may be a symbolic link, whether or not that file exists. */
function behindLinks(path: string): string {
  let found = path;
  // As many as Linux follows; a circle then fails where the file is opened.
  for (let links = 0; links < 40; links++) {
    try {
      found = resolve(dirname(found), readlinkSync(found));
    } catch {
      return found;
    }
  }
  return found;
}

/**
 * Writes the whole file or nothing: the bytes reach the disk under another name before the old file is replaced. The new
 * file has the old one's mode. A pipe or a device is no file to replace, and is written to.
 */
export function replaceFile(path: string, bytes: Uint8Array | string): void {
  const target = behindLinks(path);
  const old = statSync(target, { throwIfNoEntry: false });
  if (old !== undefined && !old.isFile()) {
    writeFileSync(target, bytes);
    return;
  }
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    // Nobody else may read it before it has the old file's mode.
    const file = openSync(temporary, "wx", old === undefined ? 0o666 : 0o600);
    try {
      writeFileSync(file, bytes);
      if (old !== undefined) fchmodSync(file, old.mode & 0o7777);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(target));
}

/** Flushes a folder's names to the disk, where the system can do that. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
