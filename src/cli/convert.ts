import {
  closeSync,
  existsSync,
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
import { writeModel } from "../formats/safetensors.js";
import { InputError, UsageError, withFile } from "./faults.js";
import { type NameOptions, openModel, readVocabulary } from "./model.js";
import { print } from "./output.js";

export interface ConvertCommand extends NameOptions {
  readonly vocabulary?: string;
}

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
function replaceFile(path: string, bytes: Uint8Array): void {
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

/** Reads a model of any format and writes it as safetensors. */
export async function convert(from: string, to: string, command: ConvertCommand): Promise<number> {
  if (!/\.safetensors$/i.test(to)) {
    throw new UsageError(
      `${to}: convert writes safetensors: expected a name that ends in .safetensors`,
    );
  }
  if (!existsSync(dirname(to))) throw new InputError(`${to}: there is no folder ${dirname(to)}`);
  const { description } = await openModel(from, command);
  const { assumptions = [] } = description;
  const metadata = new Map(description.metadata);
  if (command.vocabulary !== undefined) {
    const vocabulary = await readVocabulary(command.vocabulary);
    metadata.set("vocabulary", JSON.stringify(Object.fromEntries(vocabulary)));
  }
  const bytes = writeModel({ ...description, metadata, assumptions });
  await withFile(to, () => replaceFile(to, bytes));
  await print(`${to}: ${bytes.length.toLocaleString("en")} bytes, from ${description.format}\n`);
  return 0;
}
