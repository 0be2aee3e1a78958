import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { writeModel } from "../formats/safetensors.js";
import { InputError, UsageError, withFile } from "./faults.js";
import { type NameOptions, openModel, readVocabulary } from "./model.js";
import { print } from "./output.js";

export interface ConvertCommand extends NameOptions {
  readonly vocabulary?: string;
}

/** The whole file or nothing: bytes reach the disk under another name before the old file gives way. */
function replaceFile(path: string, bytes: Uint8Array): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = openSync(temporary, "wx");
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Makes the new name last, where the system has a way to do so. */
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
      `${to}: what is written is safetensors: expected a name ending in .safetensors`,
    );
  }
  if (!existsSync(dirname(to))) throw new InputError(`${to}: there is no folder ${dirname(to)}`);
  const { description } = await openModel(from, command);
  const metadata = new Map(description.metadata);
  if (command.vocabulary !== undefined) {
    const vocabulary = await readVocabulary(command.vocabulary);
    metadata.set("vocabulary", JSON.stringify(Object.fromEntries(vocabulary)));
  }
  const bytes = writeModel({ ...description, metadata });
  await withFile(to, () => replaceFile(to, bytes));
  await print(`${to}: ${bytes.length.toLocaleString("en")} bytes, from ${description.format}\n`);
  return 0;
}
